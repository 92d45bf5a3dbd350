package source

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
)

// A SQL source is a generated shop in a database of its own: about 2,000
// products, or as many as there are keys, and 100,000 order lines by default.
// A key is a product's SKU. A load is one query, see [loadQuery]; so is an
// update. Both databases hold the same rows and run the same two statements.
//
// Its methods may be called at the same time, except for Close, which comes
// after the last of them has returned and removes what was made.
type SQL struct {
	database
	about string
	keys  []string
	rows  int

	closeOnce sync.Once
	closeErr  error
}

// A database runs the two statements. The errors are the driver's own.
type database interface {
	load(ctx context.Context, sku []byte, into []any) error
	update(ctx context.Context, sku []byte, version *int64) error
	close() error
}

// The statements are written once. In PostgreSQL every table is named with its
// namespace, so nothing depends on a search path; SQLite has a file of its
// own. SKUs are bytes, not text, because the keys of a recorded trace need not
// be UTF-8.
const (
	createTables = `
CREATE TABLE shop.categories (
	id   integer PRIMARY KEY,
	name text    NOT NULL
);
CREATE TABLE shop.products (
	id          integer PRIMARY KEY,
	sku         BYTES   NOT NULL,
	category_id integer NOT NULL,
	name        text    NOT NULL,
	price       integer NOT NULL, -- in cents
	version     bigint  NOT NULL  -- one higher with each change of the row
);
CREATE TABLE shop.orders (
	id        integer PRIMARY KEY,
	customer  integer NOT NULL,
	placed_at bigint  NOT NULL -- Unix seconds
);
CREATE TABLE shop.order_lines (
	id         integer PRIMARY KEY,
	order_id   integer NOT NULL,
	product_id integer NOT NULL,
	quantity   integer NOT NULL,
	unit_price integer NOT NULL -- in cents
);`

	createIndexes = `
CREATE INDEX products_category ON shop.products (category_id);
CREATE INDEX order_lines_product ON shop.order_lines (product_id);`

	// loadQuery fills a product page: the product itself, what it sold, and
	// its place among the products of its category. One statement sees one
	// snapshot, so the version belongs to the rest of the answer.
	loadQuery = `
WITH page AS (
	SELECT id, category_id, name, version FROM shop.products WHERE sku = $1
), sales AS (
	SELECT p.id,
	       count(l.id)                                 AS orders,
	       coalesce(sum(l.quantity), 0)                AS units,
	       coalesce(sum(l.quantity * l.unit_price), 0) AS revenue
	FROM page
	JOIN shop.products p ON p.category_id = page.category_id
	LEFT JOIN shop.order_lines l ON l.product_id = p.id
	GROUP BY p.id
), ranked AS (
	SELECT id, orders, units, revenue, rank() OVER (ORDER BY units DESC) AS place FROM sales
)
SELECT page.version, page.name, c.name, r.orders, r.units, r.revenue, r.place
FROM page
JOIN shop.categories c ON c.id = page.category_id
JOIN ranked r ON r.id = page.id`

	// updateQuery begins a sale, or ends it.
	updateQuery = `
UPDATE shop.products
SET version = version + 1,
    price   = price + CASE WHEN version % 2 = 1 THEN -50 ELSE 50 END
WHERE sku = $1
RETURNING version`
)

// dialect puts the name of a namespace and of the type for bytes into a
// statement.
func dialect(statement, namespace, bytes string) string {
	if namespace != "" {
		namespace += "."
	}
	return strings.NewReplacer("shop.", namespace, "BYTES", bytes).Replace(statement)
}

func newSQL(db database, about string, s *shop) *SQL {
	return &SQL{database: db, about: about, keys: s.keys, rows: s.rows()}
}

// Keys returns what can be loaded, each key once: the keys of the options, or
// the SKUs of the whole catalogue where there were none. The caller must not
// change it.
func (s *SQL) Keys() []string { return s.keys }

// Rows returns the number of rows in all tables.
func (s *SQL) Rows() int { return s.rows }

func (s *SQL) String() string { return fmt.Sprintf("%s, a shop of %d rows", s.about, s.rows) }

// Load implements [Source].
func (s *SQL) Load(ctx context.Context, key string) (Record, error) {
	r := Record{Key: key}
	err := s.load(ctx, []byte(key), []any{&r.Version, &r.Name, &r.Category, &r.Orders, &r.Units, &r.Revenue, &r.Rank})
	if err != nil {
		return Record{}, sqlError(ctx, "load", err)
	}
	return r, nil
}

// Update implements [Source]. It starts or ends a sale: the price goes down or
// up by 50 cents.
func (s *SQL) Update(ctx context.Context, key string) (int64, error) {
	var version int64
	if err := s.update(ctx, []byte(key), &version); err != nil {
		return 0, sqlError(ctx, "update", err)
	}
	return version, nil
}

// Close removes the database's file, or its namespace on the server, and
// closes all connections. Later calls return what the first one did.
func (s *SQL) Close() error {
	s.closeOnce.Do(func() { s.closeErr = s.close() })
	return s.closeErr
}

func sqlError(ctx context.Context, what string, err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNoRecord
	}
	if e := endedWith(ctx, err); e != nil {
		return e
	}
	return fmt.Errorf("source: %s: %w", what, err)
}
