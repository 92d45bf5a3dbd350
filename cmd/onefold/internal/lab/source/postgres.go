package source

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	connectTimeout = 5 * time.Second  // of one attempt, where the URL has no connect_timeout
	dropTimeout    = 10 * time.Second // of removing the namespace
)

// The constraints come after the rows, because it is faster to check them all
// at once.
//
// An entry of a btree index holds at most 2704 bytes, and recorded traces have
// longer URLs. A hash index holds any, but can be unique only so.
const constraints = `
ALTER TABLE shop.products
	ADD CONSTRAINT products_sku EXCLUDE USING hash (sku WITH =),
	ADD FOREIGN KEY (category_id) REFERENCES shop.categories;
ALTER TABLE shop.order_lines
	ADD FOREIGN KEY (order_id) REFERENCES shop.orders,
	ADD FOREIGN KEY (product_id) REFERENCES shop.products;
ANALYZE shop.categories, shop.products, shop.orders, shop.order_lines;`

// A postgres is a namespace (a schema, as PostgreSQL says) of a database that
// has other users. Its name is new and random, it is filled in one
// transaction, every statement names it, and it is dropped table by table: so
// nothing else in the database is ever touched, and a fault leaves nothing.
//
// As with SQLite, the writer has a connection of its own.
type postgres struct {
	namespace string
	readers   *pgxpool.Pool
	writer    *pgxpool.Pool
	loads     string
	updates   string
}

// OpenPostgres makes a shop in a new namespace of the database that the URL
// names, which Close drops. The URL is one of pgx, with all its parameters;
// Options.Conns, where it is not zero, goes before pool_max_conns. The user
// must be allowed to create a namespace.
func OpenPostgres(ctx context.Context, rawURL string, o Options) (*SQL, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	config, err := postgresConfig(rawURL)
	if err != nil {
		return nil, err
	}
	config.MaxConns = int32(o.conns(int(config.MaxConns)))

	// The first connection is made here and not in a pool, for a clear error.
	conn, err := pgx.ConnectConfig(ctx, config.ConnConfig.Copy())
	if err != nil {
		return nil, connectError(ctx, config.ConnConfig, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))

	db := &postgres{namespace: "onefold_lab_" + strings.ToLower(rand.Text())}
	db.loads = dialect(loadQuery, db.namespace, "")
	db.updates = dialect(updateQuery, db.namespace, "")

	s := newShop(o.Keys, o.lines(), o.Seed)
	if err := seedPostgres(ctx, conn, db.namespace, s); err != nil {
		return nil, setupError(ctx, "fill the namespace "+db.namespace+" on "+server(config.ConnConfig), err)
	}
	if err := db.open(ctx, config); err != nil {
		err = setupError(ctx, "open connections to "+server(config.ConnConfig), err)
		if left := db.close(); left != nil {
			err = errors.Join(err, left)
		}
		return nil, err
	}
	version, _, _ := strings.Cut(conn.PgConn().ParameterStatus("server_version"), " ") // the rest is the packager's
	about := fmt.Sprintf("PostgreSQL %s at %s", version, server(config.ConnConfig))
	return newSQL(db, about, s), nil
}

func (db *postgres) open(ctx context.Context, config *pgxpool.Config) error {
	writer := config.Copy()
	writer.MaxConns, writer.MinConns, writer.MinIdleConns = 1, 0, 0
	var err error
	if db.writer, err = pgxpool.NewWithConfig(ctx, writer); err != nil {
		return err
	}
	db.readers, err = pgxpool.NewWithConfig(ctx, config)
	return err
}

func (db *postgres) load(ctx context.Context, sku []byte, into []any) error {
	return db.readers.QueryRow(ctx, db.loads, sku).Scan(into...)
}

// update is one statement, which the server commits by itself. Scan returns
// after the commit, with its error.
func (db *postgres) update(ctx context.Context, sku []byte, version *int64) error {
	return db.writer.QueryRow(ctx, db.updates, sku).Scan(version)
}

// close drops what seedPostgres made, by name and without CASCADE: where
// somebody put something of theirs into the namespace, the server refuses.
func (db *postgres) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), dropTimeout)
	defer cancel()
	var err error
	if db.writer != nil {
		drop := fmt.Sprintf("DROP TABLE %[1]s.order_lines, %[1]s.orders, %[1]s.products, %[1]s.categories; DROP SCHEMA %[1]s", db.namespace)
		_, err = db.writer.Exec(ctx, drop)
		db.writer.Close()
	}
	if db.readers != nil {
		db.readers.Close()
	}
	if err != nil {
		return fmt.Errorf("source: cannot drop the namespace, do it by hand with DROP SCHEMA %s CASCADE: %w", db.namespace, err)
	}
	return nil
}

// seedPostgres makes the namespace in one transaction. After an error the
// connection is to be closed, and with it the transaction.
func seedPostgres(ctx context.Context, conn *pgx.Conn, namespace string, s *shop) error {
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "CREATE SCHEMA "+namespace); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, dialect(createTables, namespace, "bytea")); err != nil {
		return err
	}
	for _, t := range s.tables() {
		rows := pgx.CopyFromSlice(t.len, func(i int) ([]any, error) { return t.row(i), nil })
		if _, err := tx.CopyFrom(ctx, pgx.Identifier{namespace, t.name}, t.columns, rows); err != nil {
			return fmt.Errorf("table %s: %w", t.name, err)
		}
	}
	if _, err := tx.Exec(ctx, dialect(createIndexes+constraints, namespace, "")); err != nil {
		return err
	}
	// Nobody could tell whether a cancelled commit left the namespace behind.
	return tx.Commit(context.WithoutCancel(ctx))
}

func postgresConfig(rawURL string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(rawURL)
	if err != nil {
		// The driver's error may hold parts of the password.
		return nil, errors.New("source: the PostgreSQL URL cannot be read: want postgres://user:password@host:port/database?parameters, " +
			"with every special character of the user and the password as %XX, and parameters that pgx knows")
	}
	if u, err := url.Parse(rawURL); err != nil || !u.Query().Has("connect_timeout") {
		config.ConnConfig.ConnectTimeout = connectTimeout
	}
	if params := config.ConnConfig.RuntimeParams; params["application_name"] == "" {
		params["application_name"] = "onefold lab"
	}
	return config, nil
}

// server names the server and the database, and no more.
func server(c *pgx.ConnConfig) string {
	return net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))) + "/" + c.Database
}

// connectError says in one line what is wrong with the server, and what to do.
func connectError(ctx context.Context, c *pgx.ConnConfig, err error) error {
	if e := endedWith(ctx, err); e != nil {
		return e
	}
	if refusal, ok := errors.AsType[*pgconn.PgError](err); ok {
		return fmt.Errorf("source: PostgreSQL at %s refused the user %q: %w: check user, password and database", server(c), c.User, refusal)
	}
	return fmt.Errorf("source: no PostgreSQL at %s: %w: start it, or correct the host and the port", server(c), whyNoAnswer(err, c.ConnectTimeout))
}
