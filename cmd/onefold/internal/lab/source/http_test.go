package source_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/source"
)

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func openHTTP(t *testing.T, rawURL string) *source.HTTP {
	t.Helper()
	s, err := source.OpenHTTP(t.Context(), rawURL, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestHTTPAddressOfAKey(t *testing.T) {
	host := serve(t, func(http.ResponseWriter, *http.Request) {})
	tests := []struct{ url, key, want string }{
		{"", "k", "/k"},
		{"/", "k", "/k"},
		{"/items", "k", "/items/k"},
		{"/items/", "a/b c?d&e=Ω%+", "/items/a%2Fb%20c%3Fd%26e%3D%CE%A9%25%2B"},
		{"/items?token=1", "k", "/items/k?token=1"},
		{"/items", "", "/items/"},
		{"/{key}/page", "a/b", "/a%2Fb/page"},
		{"/find?sku={key}&n=1", "a&b=c+d", "/find?sku=a%26b%3Dc%2Bd&n=1"},
		{"/{+key}", "/a b/c?x=1&y=%41%4", "/a%20b/c?x=1&y=%41%254"},
		{"/{+key}", "a/b", "/a/b"},
		{"/v1{+key}", "/a/b#c", "/v1/a/b%23c"},
		{"/{key}/{+key}", "{+key}/{key}", "/%7B%2Bkey%7D%2F%7Bkey%7D/%7B+key%7D/%7Bkey%7D"},
	}
	for _, test := range tests {
		if got := openHTTP(t, host+test.url).AddressOf(test.key); got != host+test.want {
			t.Errorf("%s with key %q: %s, want %s", test.url, test.key, strings.TrimPrefix(got, host), test.want)
		}
	}
}

func TestHTTPAsksForTheKey(t *testing.T) {
	host := serve(t, func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if r.Method == http.MethodGet {
			fmt.Fprintf(w, "%s as %s:%s", r.RequestURI, user, password)
		}
	})
	s := openHTTP(t, strings.Replace(host, "http://", "http://ann:s3cret@", 1)+"/item/{key}?token=t0ken")
	r, err := s.Load(t.Context(), "/a b?x=1")
	want := source.Record{Key: "/a b?x=1", Version: 1, Size: int64(len("/item/%2Fa%20b%3Fx%3D1?token=t0ken as ann:s3cret"))}
	if r != want || err != nil {
		t.Errorf("Load = %+v, %v; want %+v", r, err, want)
	}
	if got := s.String(); got != "GET "+host+"/item/{key}" {
		t.Errorf("String = %q, want the address without secrets", got)
	}
	if _, err := s.Update(t.Context(), "k"); !errors.Is(err, source.ErrReadOnly) {
		t.Errorf("Update: %v, want ErrReadOnly", err)
	}
}

func TestHTTPVersion(t *testing.T) {
	tests := []struct {
		etag, xVersion string
		want           int64
	}{
		{"", "", 1},
		{`"12"`, "", 12},
		{`W/"12"`, "7", 12},
		{`"12-gzip"`, "7", 7},
		{`"5d8c72"`, "", 1},
		{"", "7", 7},
		{"", "0", 1},
		{`"-3"`, "x", 1},
	}
	for _, test := range tests {
		host := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			for name, value := range map[string]string{"ETag": test.etag, "X-Version": test.xVersion} {
				if value != "" {
					w.Header().Set(name, value)
				}
			}
		})
		if r, err := openHTTP(t, host).Load(t.Context(), "k"); r.Version != test.want || err != nil {
			t.Errorf("ETag %s, X-Version %s: version %d, %v; want %d", test.etag, test.xVersion, r.Version, err, test.want)
		}
	}
}

func TestHTTPStatus(t *testing.T) {
	host := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/none":
			http.NotFound(w, r)
		case "/moved":
			http.Redirect(w, r, "/here", http.StatusFound)
		case "/here":
			fmt.Fprint(w, "hello")
		default:
			http.Error(w, "s3cret", http.StatusServiceUnavailable)
		}
	})
	s := openHTTP(t, host)
	if r, err := s.Load(t.Context(), "none"); !errors.Is(err, source.ErrNoRecord) || r != (source.Record{}) {
		t.Errorf("404: %+v, %v; want ErrNoRecord", r, err)
	}
	r, err := s.Load(t.Context(), "broken")
	wantError(t, err, "s3cret", "503 Service Unavailable")
	if r != (source.Record{}) {
		t.Errorf("503: %+v, want the zero Record", r)
	}
	if r, err := s.Load(t.Context(), "moved"); r.Size != int64(len("hello")) || err != nil {
		t.Errorf("redirect: %+v, %v; want the body of the other address", r, err)
	}
}

func TestHTTPBodyIsBounded(t *testing.T) {
	const limit = 16 << 20
	host := serve(t, func(w http.ResponseWriter, r *http.Request) {
		size := int64(limit)
		if r.URL.Path == "/more" {
			size++
		}
		_, _ = io.CopyN(w, zeros{}, size) // the client may leave
	})
	s := openHTTP(t, host)
	if r, err := s.Load(t.Context(), "just"); r.Size != limit || err != nil {
		t.Errorf("Load = %+v, %v; want the whole body", r, err)
	}
	_, err := s.Load(t.Context(), "more")
	wantError(t, err, "s3cret", "more than 16 MiB")
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestHTTPEndedContext(t *testing.T) {
	asked := make(chan struct{})
	host := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			return
		}
		if r.URL.Path == "/body" {
			fmt.Fprint(w, "the first part")
			w.(http.Flusher).Flush()
		}
		asked <- struct{}{}
		<-r.Context().Done()
	})
	s := openHTTP(t, host)
	for _, key := range []string{"head", "body"} {
		ctx, cancel := context.WithCancelCause(t.Context())
		result := make(chan error, 1)
		go func() { _, err := s.Load(ctx, key); result <- err }()
		<-asked
		cancel(errMine)
		if err := <-result; !isMine(err, context.Canceled) {
			t.Errorf("Load cancelled before the %s = %v, want an EndedError with the cause", key, err)
		}
	}

	// The source's own bound is not the end of anybody's context.
	s.Within(20 * time.Millisecond)
	go func() { <-asked }()
	_, err := s.Load(t.Context(), "head")
	wantError(t, err, "s3cret", "no answer within 20ms")
	if errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %q looks like the end of a context", err)
	}
}

func TestHTTPUnreachable(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	host := strings.TrimPrefix(server.URL, "http://")
	if _, err := source.OpenHTTP(t.Context(), server.URL, source.Options{}); err != nil {
		t.Errorf("a server that answers 404 is there: %v", err)
	}
	server.Close()
	_, err := source.OpenHTTP(t.Context(), "http://u:s3cret@"+host+"/", source.Options{Keys: []string{"s3cret"}})
	wantError(t, err, "s3cret", host, "connection refused", "start it, or correct")

	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errMine)
	if _, err := source.OpenHTTP(ctx, server.URL, source.Options{}); !isMine(err, context.Canceled) {
		t.Errorf("OpenHTTP = %v, want an EndedError with the cause", err)
	}
}

func TestHTTPBadURL(t *testing.T) {
	for bad, why := range map[string]string{
		"http://u:s3cret%zz@h/":     "want http://host/path",
		"http://u:s3cret@h:port/":   "want http://host/path",
		"http:///path":              "has no host",
		"http://{key}.example/":     "want http://host/path",
		"http://u:s3cret@h/{id}":    "other braces",
		"http://u:s3cret@h/p#{key}": "fragment",
	} {
		_, err := source.OpenHTTP(t.Context(), bad, source.Options{})
		wantError(t, err, "s3cret", why)
	}
}
