package source

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Options configures a source. The zero Options is ready to use.
type Options struct {
	// Keys are what the lab is going to load, any bytes; a key given twice
	// counts once. A shop sells them: they are its products' SKUs. Without
	// any, it makes its own, see [SQL.Keys]. A web server is asked for the
	// first one when it is opened.
	Keys []string

	// Rows is the number of order lines of a shop, by far its largest table.
	// Zero means 100,000.
	Rows int

	// Seed chooses a shop's rows. The same keys, rows and seed make the same
	// shop in either database.
	Seed uint64

	// Conns is the greatest number of connections that loads use at once.
	// Further loads wait, first come, first served. Zero means GOMAXPROCS for
	// SQLite, pgx's own default for PostgreSQL (the processors, 4 at least),
	// and no bound for a web server.
	Conns int

	// Dir is where SQLite's temporary directory is made. Empty means
	// [os.TempDir].
	Dir string
}

const maxConns = 10_000

// Open opens the source that the user named:
//
//	sqlite                            a shop in an embedded database, see [OpenSQLite]
//	postgres://user@host/database     a shop on a PostgreSQL server, see [OpenPostgres]
//	postgresql://...                  the same
//	http://host/path, https://...     a GET a key, see [OpenHTTP]
func Open(ctx context.Context, spec string, o Options) (Source, error) {
	scheme, _, isURL := strings.Cut(spec, "://")
	scheme = strings.ToLower(scheme)
	switch {
	case spec == "sqlite" || spec == "sqlite:":
		return opened(OpenSQLite(ctx, o))
	case isURL && (scheme == "postgres" || scheme == "postgresql"):
		return opened(OpenPostgres(ctx, scheme+spec[len(scheme):], o))
	case isURL && (scheme == "http" || scheme == "https"):
		return opened(OpenHTTP(ctx, spec, o))
	}
	return nil, fmt.Errorf("source: %q is no source: want sqlite, postgres://user:password@host:port/database, http://host/path or https://host/path", withoutSecrets(spec))
}

// opened keeps a nil *T from becoming a Source that is not nil.
func opened[T Source](s T, err error) (Source, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

// withoutSecrets blanks what may be a user and a password.
func withoutSecrets(spec string) string {
	if at := strings.LastIndexByte(spec, '@'); at >= 0 {
		scheme, _, ok := strings.Cut(spec[:at], "://")
		if !ok {
			return "..." + spec[at:]
		}
		spec = scheme + "://..." + spec[at:]
	}
	if i := strings.Index(strings.ToLower(spec), "password="); i >= 0 {
		spec = spec[:i] + "..."
	}
	return spec
}

func (o Options) validate() error {
	var errs []error
	if o.Rows < 0 {
		errs = append(errs, fmt.Errorf("source: Options.Rows is %d, want 0 or more", o.Rows))
	}
	if o.Conns < 0 || o.Conns > maxConns {
		errs = append(errs, fmt.Errorf("source: Options.Conns is %d, want 0 to %d", o.Conns, maxConns))
	}
	return errors.Join(errs...)
}

func (o Options) lines() int {
	if o.Rows == 0 {
		return defaultRows
	}
	return o.Rows
}

func (o Options) conns(otherwise int) int {
	if o.Conns == 0 {
		return otherwise
	}
	return o.Conns
}
