package keymaybe

import (
	"context"
	"strconv"
	"strings"

	"golang.org/x/sync/singleflight"
)

type store struct {
	g  singleflight.Group
	db database
}

type database interface {
	Page(tenant, id string) (string, error)
}

// A session is somebody's.
type session interface {
	Page(id string) (string, error)
}

func (s *store) session(sess session, id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) { return sess.Page(id) }) // want `is the answer the same for callers who differ in sess\?`
	return v, err
}

// So are credentials,
type credentials struct{ sign func(string) string }

func (s *store) signed(c *credentials, id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) { return sign(c, id), nil }) // want `callers who differ in c\?`
	return v, err
}

var sign func(*credentials, string) string

// and a client that was made with a user's token.
func (s *store) client(id string, userClient session) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) { return userClient.Page(id) }) // want `callers who differ in userClient\?`
	return v, err
}

// A thing that its id names, perhaps.
type product struct{ ID, Name string }

func (s *store) entity(p *product) (any, error) {
	v, err, _ := s.g.Do(p.ID, func() (any, error) { return s.db.Page(p.Name, p.ID) }) // want `callers who differ in p.Name\?`
	return v, err
}

// The digest says what it is, unless it is a digest of something else.
func (s *store) content(mirror, digest string) (any, error) {
	v, err, _ := s.g.Do(digest, func() (any, error) { return s.db.Page(mirror, digest) }) // want `callers who differ in mirror\?`
	return v, err
}

// The key is made by callers who are not seen.
func (s *store) Keyed(key, tenant, id string) (any, error) {
	v, err, _ := s.g.Do(key, func() (any, error) { return s.db.Page(tenant, id) }) // want `callers who differ in tenant and id\?`
	return v, err
}

// Nobody looks at what it gives; what it wrote may matter all the same.
func (s *store) refresh(id, tenant string) {
	s.g.Do(id, func() (any, error) { return s.db.Page(tenant, id) }) // want `callers who differ in tenant\?`
}

type modeKey struct{}

// What the context carries may be anything.
func (s *store) fromContext(ctx context.Context, id string) (any, error) {
	mode, _ := ctx.Value(modeKey{}).(string)
	v, err, _ := s.g.Do(id, func() (any, error) { return s.db.Page(mode, id) }) // want `callers who differ in mode\?`
	return v, err
}

// A limit is the program's, unless it is the caller's.
func (s *store) upTo(id string, maxPages int) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) { return pages(id, maxPages) }) // want `callers who differ in maxPages\?`
	return v, err
}

var pages func(id string, most int) (string, error)

// The key takes the options one by one, and leaves a switch of them out.
type PageOptions struct {
	Cursor      string
	Limit       int
	AllowCached bool
	Verbose     bool
}

type pager interface {
	Pages(id string, o PageOptions) (string, error)
}

func (s *store) paged(p pager, id string, o PageOptions) (any, error) {
	v, err, _ := s.g.Do(keyOf(id, o), func() (any, error) { return p.Pages(id, o) }) // want `callers who differ in o.AllowCached\?`
	return v, err
}

func keyOf(id string, o PageOptions) string {
	var b strings.Builder
	b.WriteString(id)
	b.WriteString(o.Cursor)
	b.WriteString(strconv.Itoa(o.Limit))
	return b.String()
}
