package pgtest_test

import (
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/onefold-go/onefold/cmd/onefold/internal/pgtest"
)

func TestStartServesUntilTheTestEnds(t *testing.T) {
	t.Setenv("TMPDIR", traversable(t))
	var address string
	t.Run("test", func(t *testing.T) {
		serverURL := pgtest.Start(t)
		conn, err := pgx.Connect(t.Context(), serverURL)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context())
		var sum int
		if err := conn.QueryRow(t.Context(), "SELECT sum(i) FROM generate_series(1, 10) i").Scan(&sum); err != nil || sum != 55 {
			t.Errorf("sum = %d, %v; want 55, nil", sum, err)
		}

		u, err := url.Parse(serverURL)
		if err != nil {
			t.Fatal(err)
		}
		address = u.Host
		u.User = url.UserPassword("onefold", "wrong")
		if conn, err := pgx.Connect(t.Context(), u.String()); err == nil {
			t.Error("a wrong password was accepted")
			_ = conn.Close(t.Context())
		}
	})
	if conn, err := net.Dial("tcp", address); err == nil {
		t.Errorf("the server still listens at %s after its test", address)
		_ = conn.Close()
	}
	if left, err := filepath.Glob(filepath.Join(os.Getenv("TMPDIR"), "*")); err != nil || len(left) > 0 {
		t.Errorf("files left behind: %v, %v", left, err)
	}
}

func TestMissingBinariesNameTheRemedy(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	bin, err := pgtest.FindBinaries(filepath.Join(t.TempDir(), "*", "bin", "initdb"))
	if err == nil || !strings.Contains(err.Error(), "make deps") {
		t.Errorf("FindBinaries = %q, %v; want an error that names make deps", bin, err)
	}
}

func TestNewestBinariesAreFound(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	root := t.TempDir()
	for _, version := range []string{"9", "17", "16"} {
		bin := filepath.Join(root, version, "bin")
		if err := os.MkdirAll(bin, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(bin, "initdb"), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	want := filepath.Join(root, "17", "bin")
	if bin, err := pgtest.FindBinaries(filepath.Join(root, "*", "bin", "initdb")); bin != want || err != nil {
		t.Errorf("FindBinaries = %q, %v; want %q, nil", bin, err, want)
	}
}

// traversable returns a temporary directory that other users may enter, as
// those of t.TempDir may not be.
func traversable(t *testing.T) string {
	dir, err := os.MkdirTemp("", "onefold-pgtest-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
