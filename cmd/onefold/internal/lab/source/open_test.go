package source_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/source"
)

func TestOpen(t *testing.T) {
	host := serve(t, func(http.ResponseWriter, *http.Request) {})
	for spec, want := range map[string]string{
		"sqlite":                                 "SQLite ",
		"sqlite:":                                "SQLite ",
		host + "/p":                              "GET " + host + "/p/{key}",
		strings.Replace(host, "http", "HTTP", 1): "GET " + host + "/{key}",
	} {
		s, err := source.Open(t.Context(), spec, small("k"))
		if err != nil {
			t.Errorf("Open(%q): %v", spec, err)
			continue
		}
		if !strings.HasPrefix(s.String(), want) {
			t.Errorf("Open(%q) = %q, want %q", spec, s, want)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestOpenUnknown(t *testing.T) {
	for spec, shown := range map[string]string{
		"":                             `""`,
		"mysql":                        `"mysql"`,
		"mysql://u:s3cret@h/db":        `"mysql://...@h/db"`,
		"u:s3cret@h":                   `"...@h"`,
		"host=h password=s3cret":       `"host=h ..."`,
		"sqlite:/some/file":            `"sqlite:/some/file"`,
		"postgres":                     `"postgres"`,
		"ftp://h/?Password=s3cret&x=1": `"ftp://h/?..."`,
	} {
		s, err := source.Open(t.Context(), spec, source.Options{})
		wantError(t, err, "s3cret", "source: "+shown+" is no source", "sqlite, postgres://", "https://")
		if s != nil {
			t.Errorf("Open(%q) = %v, want nil", spec, s)
		}
	}
	for _, spec := range []string{"sqlite", "postgres://u@127.0.0.1:1/db", "http://127.0.0.1:1/"} {
		if s, err := source.Open(t.Context(), spec, source.Options{Rows: -1}); s != nil || err == nil {
			t.Errorf("Open(%q) = %v, %v; want a nil Source and an error", spec, s, err)
		}
	}
}

func TestSQLiteWithoutAPlace(t *testing.T) {
	_, err := source.OpenSQLite(t.Context(), source.Options{Dir: "/no/such/place"})
	wantError(t, err, "s3cret", "no place for the SQLite database", "/no/such/place")
}
