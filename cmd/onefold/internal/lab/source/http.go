package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	maxBody       = 16 << 20         // bytes of one answer
	answerTimeout = 30 * time.Second // of one answer
	probeTimeout  = 5 * time.Second  // of the question whether the server is there
)

// An HTTP source is a web server that answers a GET for each key. Its methods
// may be called at the same time; Close comes after the last of them.
type HTTP struct {
	client  *http.Client
	address keyAddress
	within  time.Duration // of one answer, however long the caller would wait
}

// OpenHTTP returns a source that asks a web server. A key's address is the URL
// with the key put in the place of
//
//	{key}   every byte but letters, digits and -._~ as %XX: http://host/item/{key}, http://host/find?sku={key}
//	{+key}  a key that is a path, maybe with a query, as it is: http://host/{+key}; a slash at its start is not doubled
//
// as RFC 6570 has it. A URL without a place gets /{key} at the end of its
// path. A user and a password in the URL are sent, and never shown.
//
// A load reads the whole answer, at most 16 MiB, within 30 seconds, and
// follows redirects. The status 404 is ErrNoRecord, any other but 2xx is an
// error that names it. The record has the Key, the Size of the body, and the
// Version: a numeric ETag, or else a numeric X-Version, or else 1. An update
// is ErrReadOnly.
//
// OpenHTTP sends one HEAD, for the first of o.Keys or the empty key, and fails
// where nothing answers within 5 seconds. Any status is an answer.
func OpenHTTP(ctx context.Context, rawURL string, o Options) (*HTTP, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	address, err := parseKeyAddress(rawURL)
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxConnsPerHost = o.Conns
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = 0, 1_000 // a burst's connections serve the next
	s := &HTTP{client: &http.Client{Transport: transport}, address: address, within: answerTimeout}

	first := ""
	if len(o.Keys) > 0 {
		first = o.Keys[0]
	}
	if err := s.probe(ctx, first); err != nil {
		s.client.CloseIdleConnections()
		return nil, err
	}
	return s, nil
}

// Load implements [Source].
func (s *HTTP) Load(ctx context.Context, key string) (Record, error) {
	bounded, cancel := context.WithTimeout(ctx, s.within)
	defer cancel()
	response, err := s.do(bounded, http.MethodGet, key)
	if err != nil {
		return Record{}, s.failed(ctx, err)
	}
	defer response.Body.Close()

	size, err := io.Copy(io.Discard, io.LimitReader(response.Body, maxBody+1))
	switch {
	case response.StatusCode == http.StatusNotFound:
		return Record{}, ErrNoRecord
	case response.StatusCode/100 != 2:
		return Record{}, fmt.Errorf("source: GET was answered with %s", response.Status)
	case err != nil:
		return Record{}, s.failed(ctx, err)
	case size > maxBody:
		return Record{}, fmt.Errorf("source: GET was answered with more than %d MiB", maxBody>>20)
	}
	return Record{Key: key, Version: versionOf(response.Header), Size: size}, nil
}

// Update returns ErrReadOnly.
func (s *HTTP) Update(context.Context, string) (int64, error) { return 0, ErrReadOnly }

func (s *HTTP) String() string { return "GET " + s.address.shown }

// Close closes the connections.
func (s *HTTP) Close() error {
	s.client.CloseIdleConnections()
	return nil
}

func (s *HTTP) probe(ctx context.Context, key string) error {
	bounded, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	response, err := s.do(bounded, http.MethodHead, key)
	if err == nil {
		return response.Body.Close()
	}
	if e := endedWith(ctx, err); e != nil {
		return e
	}
	return fmt.Errorf("source: no web server at %s: %w: start it, or correct the URL", s.address.host, whyNoAnswer(err, probeTimeout))
}

func (s *HTTP) do(ctx context.Context, method, key string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, s.address.of(key), http.NoBody)
	if err != nil {
		return nil, withoutURL(err)
	}
	response, err := s.client.Do(request)
	return response, withoutURL(err)
}

// withoutURL takes the address, with the key and maybe a secret, off an error
// of net/http.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// failed does not wrap our own deadline: to errors.Is it would look like the
// end of a context of the caller's.
func (s *HTTP) failed(ctx context.Context, err error) error {
	if e := endedWith(ctx, err); e != nil {
		return e
	}
	return fmt.Errorf("source: GET: %w", whyNoAnswer(err, s.within))
}

func versionOf(h http.Header) int64 {
	etag := strings.Trim(strings.TrimPrefix(h.Get("ETag"), "W/"), `"`)
	for _, s := range []string{etag, h.Get("X-Version")} {
		if v, err := strconv.ParseInt(s, 10, 64); err == nil && v > 0 {
			return v
		}
	}
	return 1
}

// A keyAddress is a URL with a place for the key.
type keyAddress struct {
	template string
	host     string // host and port
	shown    string // without user and query, which may hold secrets
}

func parseKeyAddress(rawURL string) (keyAddress, error) {
	const want = "want http://host/path with {key} or {+key} where the key belongs, or neither"
	u, err := url.Parse(rawURL)
	if err != nil {
		// The parser's error may hold parts of a password.
		return keyAddress{}, errors.New("source: the web server's URL cannot be read: " + want)
	}
	shown := (&url.URL{Scheme: u.Scheme, Host: u.Host}).String() + u.Path
	literal := strings.NewReplacer("{key}", "", "{+key}", "").Replace(rawURL)
	switch {
	case u.Host == "":
		return keyAddress{}, fmt.Errorf("source: the web server's URL %s has no host: %s", shown, want)
	case strings.ContainsAny(literal, "{}"):
		return keyAddress{}, fmt.Errorf("source: the web server's URL %s has other braces than {key} and {+key}: write them as %%7B and %%7D", shown)
	case strings.Contains(rawURL, "#"):
		return keyAddress{}, fmt.Errorf("source: the web server's URL %s has a fragment, which is never sent: write # as %%23", shown)
	}
	if literal == rawURL { // no place
		path, query, _ := strings.Cut(rawURL, "?")
		rawURL = strings.TrimSuffix(path, "/") + "/{key}"
		if query != "" {
			rawURL += "?" + query
		}
		shown = strings.TrimSuffix(shown, "/") + "/{key}"
	}
	return keyAddress{template: rawURL, host: u.Host, shown: shown}, nil
}

func (a keyAddress) of(key string) string {
	const reserved = ":/?[]@!$&'()*+,;=%" // RFC 6570's but for #, which would cut the address; and % for what is encoded already
	asIs := percentEncode(key, reserved)
	return strings.NewReplacer(
		"{key}", percentEncode(key, ""),
		"/{+key}", "/"+strings.TrimPrefix(asIs, "/"),
		"{+key}", asIs,
	).Replace(a.template)
}

// percentEncode encodes all but RFC 3986's unreserved characters and those
// to keep. A percent sign is kept only where two hex digits follow.
func percentEncode(s, keep string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~", c) >= 0,
			c != '%' && strings.IndexByte(keep, c) >= 0,
			c == '%' && strings.IndexByte(keep, c) >= 0 && isEncoded(s[i:]):
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// isEncoded reports whether s begins with %XX.
func isEncoded(s string) bool {
	if len(s) < 3 {
		return false
	}
	_, err := strconv.ParseUint(s[1:3], 16, 8)
	return err == nil
}
