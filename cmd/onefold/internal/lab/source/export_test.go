package source

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Within shortens how long the web server may take for an answer.
func (s *HTTP) Within(d time.Duration) { s.within = d }

// AddressOf returns the address of a key.
func (s *HTTP) AddressOf(key string) string { return s.address.of(key) }

var Draw = draw

// Namespace returns the name of the PostgreSQL namespace.
func (s *SQL) Namespace() string { return s.database.(*postgres).namespace }

// RawRows returns the rows of a query, with "shop." before each table.
func (s *SQL) RawRows(ctx context.Context, query string) ([][]any, error) {
	switch db := s.database.(type) {
	case *postgres:
		rows, err := db.readers.Query(ctx, dialect(query, db.namespace, ""))
		if err != nil {
			return nil, err
		}
		return pgx.CollectRows(rows, func(row pgx.CollectableRow) ([]any, error) { return row.Values() })
	case *sqlite:
		rows, err := db.readers.QueryContext(ctx, dialect(query, "", ""))
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		columns, err := rows.Columns()
		if err != nil {
			return nil, err
		}
		var all [][]any
		for rows.Next() {
			row := make([]any, len(columns))
			into := make([]any, len(columns))
			for i := range row {
				into[i] = &row[i]
			}
			if err := rows.Scan(into...); err != nil {
				return nil, err
			}
			all = append(all, row)
		}
		return all, rows.Err()
	}
	panic("no such database")
}
