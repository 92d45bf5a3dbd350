package source

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sync/semaphore"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// A sqlite is an embedded database in a temporary directory. It is in WAL
// mode: readers see the last commit and wait for nobody.
//
// Readers are as many connections as there are processors, because a query is
// nothing but computation. The writer has a connection of its own, so that an
// update never queues behind loads: it stands for another process.
type sqlite struct {
	dir     string
	readers *sql.DB
	writer  *sql.DB
	turn    *semaphore.Weighted // of the readers: database/sql picks whom to serve at random, this is first come, first served
	loads   *sql.Stmt
	updates *sql.Stmt
}

// OpenSQLite makes a shop in an embedded database, in a new directory within
// o.Dir, which Close removes.
func OpenSQLite(ctx context.Context, o Options) (*SQL, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(o.Dir, "onefold-lab-")
	if err != nil {
		return nil, fmt.Errorf("source: no place for the SQLite database: %w", err)
	}
	db := &sqlite{dir: dir}
	s := newShop(o.Keys, o.lines(), o.Seed)
	version, err := db.setUp(ctx, s, o.conns(runtime.GOMAXPROCS(0)))
	if err != nil {
		err = setupError(ctx, "set up the SQLite database", err)
		if left := db.close(); left != nil {
			err = errors.Join(err, left)
		}
		return nil, err
	}
	return newSQL(db, "SQLite "+version+" (embedded)", s), nil
}

func (db *sqlite) setUp(ctx context.Context, s *shop, conns int) (version string, err error) {
	if db.dir, err = filepath.Abs(db.dir); err != nil {
		return "", err
	}
	path := filepath.Join(db.dir, "shop.db")
	if err := seedSQLite(ctx, path, s); err != nil {
		return "", err
	}

	if db.readers, err = openSQLite(path, "query_only(1)"); err != nil {
		return "", err
	}
	db.readers.SetMaxOpenConns(conns)
	db.readers.SetMaxIdleConns(conns)
	db.turn = semaphore.NewWeighted(int64(conns))
	if db.loads, err = db.readers.PrepareContext(ctx, dialect(loadQuery, "", "")); err != nil {
		return "", err
	}

	if db.writer, err = openSQLite(path, "synchronous(NORMAL)"); err != nil {
		return "", err
	}
	db.writer.SetMaxOpenConns(1)
	if db.updates, err = db.writer.PrepareContext(ctx, dialect(updateQuery, "", "")); err != nil {
		return "", err
	}
	err = db.readers.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&version)
	return version, err
}

func (db *sqlite) load(ctx context.Context, sku []byte, into []any) error {
	if err := db.turn.Acquire(ctx, 1); err != nil {
		return err
	}
	defer db.turn.Release(1)
	return db.loads.QueryRowContext(ctx, sku).Scan(into...)
}

// update is one statement, which SQLite commits by itself. Scan returns after
// the commit, with its error.
func (db *sqlite) update(ctx context.Context, sku []byte, version *int64) error {
	return db.updates.QueryRowContext(ctx, sku).Scan(version)
}

func (db *sqlite) close() error {
	var errs []error
	for _, pool := range []*sql.DB{db.readers, db.writer} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(append(errs, os.RemoveAll(db.dir))...)
}

// seedSQLite makes the file, without any journal: a fault leaves nothing that
// is worth keeping.
func seedSQLite(ctx context.Context, path string, s *shop) (err error) {
	pool, err := openSQLite(path, "journal_mode(OFF)", "synchronous(OFF)")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	pool.SetMaxOpenConns(1)

	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = tx.Rollback() // err says why
		}
	}()
	if _, err := tx.ExecContext(ctx, dialect(createTables, "", "blob")); err != nil {
		return err
	}
	for _, t := range s.tables() {
		if err := insert(ctx, tx, t); err != nil {
			return fmt.Errorf("table %s: %w", t.name, err)
		}
	}
	if _, err := tx.ExecContext(ctx, dialect(createIndexes, "", "")+"CREATE UNIQUE INDEX products_sku ON products (sku); ANALYZE;"); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	_, err = pool.ExecContext(ctx, "PRAGMA journal_mode = WAL")
	return err
}

// insert puts many rows into each statement, which is several times as fast as
// a statement a row.
func insert(ctx context.Context, tx *sql.Tx, t table) error {
	const batch = 200
	row := "(" + strings.Repeat(", ?", len(t.columns))[2:] + ")"
	statement := func(rows int) string {
		return "INSERT INTO " + t.name + " (" + strings.Join(t.columns, ", ") + ") VALUES " + strings.Repeat(", "+row, rows)[2:]
	}
	full, err := tx.PrepareContext(ctx, statement(batch))
	if err != nil {
		return err
	}
	defer full.Close()

	args := make([]any, 0, batch*len(t.columns))
	for i := range t.len {
		args = append(args, t.row(i)...)
		if len(args) < cap(args) {
			continue
		}
		if _, err := full.ExecContext(ctx, args...); err != nil {
			return err
		}
		args = args[:0]
	}
	if len(args) == 0 {
		return nil
	}
	_, err = tx.ExecContext(ctx, statement(len(args)/len(t.columns)), args...)
	return err
}

func openSQLite(path string, pragmas ...string) (*sql.DB, error) {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/...
	}
	params := url.Values{"_pragma": append(pragmas, "busy_timeout(10000)")}
	return sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path, RawQuery: params.Encode()}).String())
}
