package source_test

import (
	"context"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/source"
)

func connect(t *testing.T, server string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return conn
}

func namespaces(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), "SELECT nspname::text FROM pg_namespace WHERE nspname LIKE 'onefold%'")
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func exec(t *testing.T, conn *pgx.Conn, statement string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func testPostgresClose(t *testing.T, server string) {
	conn := connect(t, server)
	exec(t, conn, "CREATE TABLE public.products (n int)")
	one, err := source.OpenPostgres(t.Context(), server, small("k"))
	if err != nil {
		t.Fatal(err)
	}
	two, err := source.OpenPostgres(t.Context(), server, small("k"))
	if err != nil {
		t.Fatal(err)
	}
	if names := namespaces(t, conn); len(names) != 2 || one.Namespace() == two.Namespace() {
		t.Fatalf("namespaces %v, want two", names)
	}
	for range 2 {
		if err := one.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if names := namespaces(t, conn); len(names) != 1 || names[0] != two.Namespace() {
		t.Errorf("namespaces %v after Close, want the other's only", names)
	}
	if _, err := two.Load(t.Context(), "k"); err != nil {
		t.Errorf("after the other's Close: %v", err)
	}

	// What somebody else put there is not dropped.
	exec(t, conn, "CREATE TABLE "+two.Namespace()+".precious (n int)")
	if err := two.Close(); err == nil || !strings.Contains(err.Error(), "DROP SCHEMA "+two.Namespace()) {
		t.Errorf("Close with another's table = %v, want an error with the remedy", err)
	}
	exec(t, conn, "DROP TABLE "+two.Namespace()+".precious, public.products")
	exec(t, conn, "DROP SCHEMA "+two.Namespace()+" CASCADE")
}

// testPostgresLock cancels a load and an update that surely have begun.
func testPostgresLock(t *testing.T, server string) {
	s, err := source.OpenPostgres(t.Context(), server, small("k"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	conn := connect(t, server)
	calls := map[string]func(context.Context) error{
		"Load":   func(ctx context.Context) error { _, err := s.Load(ctx, "k"); return err },
		"Update": func(ctx context.Context) error { _, err := s.Update(ctx, "k"); return err },
	}
	for name, call := range calls {
		exec(t, conn, "BEGIN; LOCK TABLE "+s.Namespace()+".products")
		ctx, cancel := context.WithCancelCause(t.Context())
		result := make(chan error, 1)
		go func() { result <- call(ctx) }()
		awaitBlocked(t, conn)
		cancel(errMine)
		if err := <-result; !isMine(err, context.Canceled) {
			t.Errorf("%s = %v, want an EndedError with the cause", name, err)
		}
		exec(t, conn, "ROLLBACK")
		if err := call(t.Context()); err != nil {
			t.Errorf("%s after the lock: %v", name, err)
		}
	}
}

// awaitBlocked returns when some session waits for a lock.
func awaitBlocked(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	late := time.After(30 * time.Second)
	for {
		var blocked int
		if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_locks WHERE NOT granted").Scan(&blocked); err != nil {
			t.Fatal(err)
		}
		if blocked > 0 {
			return
		}
		select {
		case <-again.C:
		case <-late:
			t.Fatal("nobody waits for the lock")
		}
	}
}

func testPostgresPassword(t *testing.T, server string) {
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	right, _ := u.User.Password()
	s, err := source.OpenPostgres(t.Context(), server, small("k"))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.String(); strings.Contains(got, right) || !strings.Contains(got, u.Host) || !strings.HasPrefix(got, "PostgreSQL ") {
		t.Errorf("String = %q, want the host and no password", got)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}

	u.User = url.UserPassword("onefold", "wr0ng-secret")
	s, err = source.OpenPostgres(t.Context(), u.String(), small("k"))
	wantError(t, err, "wr0ng", u.Host, "refused", `user "onefold"`, "check user, password")
	if s != nil {
		t.Error("a wrong password opened the database")
	}
}

// wantError checks that an error's text has the parts and not the secret.
func wantError(t *testing.T, err error, secret string, parts ...string) {
	t.Helper()
	if err == nil {
		t.Error("no error")
		return
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
	if strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %q has a secret or a line break", err)
	}
}

func TestPostgresUnreachable(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()

	t.Run("silent", func(t *testing.T) { // connects, and never says a word
		_, err := source.OpenPostgres(t.Context(), "postgres://u:s3cret@"+address+"/db?sslmode=disable&connect_timeout=1", source.Options{})
		wantError(t, err, "s3cret", address, "no answer within 1s", "start it, or correct")
	})
	t.Run("ended", func(t *testing.T) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Millisecond, errMine)
		defer cancel()
		_, err := source.OpenPostgres(ctx, "postgres://u:s3cret@"+address+"/db", source.Options{})
		if !isMine(err, context.DeadlineExceeded) {
			t.Errorf("OpenPostgres = %v, want an EndedError with the cause", err)
		}
	})
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	t.Run("refused", func(t *testing.T) {
		_, err := source.OpenPostgres(t.Context(), "postgres://u:s3cret@"+address+"/db", source.Options{})
		wantError(t, err, "s3cret", address, "connection refused", "start it, or correct")
	})
	t.Run("unreadable", func(t *testing.T) {
		for _, bad := range []string{
			"postgres://u:s3cret%zz@h/db", "postgres://u:s3cret/x@h/db", "postgres://u:s3cret@h:port/db",
			"postgres://u:s3cret@h/db?sslmode=maybe", "postgres://h/db?password=s3cret%zz",
		} {
			_, err := source.OpenPostgres(t.Context(), bad, source.Options{})
			wantError(t, err, "s3cret", "postgres://user:password@host:port/database")
		}
	})
}
