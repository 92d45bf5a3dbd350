package keymaybe

import (
	"log"
	"strconv"
)

// Sure: keymissing's.
func (s *store) tenant(tenant, id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) { return s.db.Page(tenant, id) })
	return v, err
}

// In the key.
func (s *store) inKey(p *product) (any, error) {
	v, err, _ := s.g.Do(p.ID+p.Name, func() (any, error) { return s.db.Page(p.Name, p.ID) })
	return v, err
}

// A service is nobody's.
func (s *store) service(db database, id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) { return db.Page("", id) })
	return v, err
}

// The store's own session is the same for all.
type client struct {
	store
	session session
}

func (c *client) get(id string) (any, error) {
	v, err, _ := c.g.Do(id, func() (any, error) { return c.session.Page(id) })
	return v, err
}

// What is logged is not loaded.
func (s *store) logged(user *product, id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) {
		log.Print(user.Name)
		return s.db.Page("", id)
	})
	return v, err
}

// The callers make both from one.
func (s *store) outer(sess session) (any, error) {
	return s.inner(sess, sess.(interface{ ID() string }).ID())
}

func (s *store) inner(sess session, id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) { return sess.Page(id) })
	return v, err
}

// The switch is in the key as well.
func (s *store) allOf(p pager, id string, o PageOptions) (any, error) {
	v, err, _ := s.g.Do(keyOf(id, o)+strconv.FormatBool(o.AllowCached), func() (any, error) { return p.Pages(id, o) })
	return v, err
}
