package sideeffect

import (
	"context"
	"log"
	"sync/atomic"
)

// Before the load, once for each caller.
func (s *service) documentFor(user, id string) (any, error) {
	auditAccess(user, id)
	v, err, _ := s.g.Do(id, func() (any, error) { return fetch(id) })
	return v, err
}

type cache struct{}

func (*cache) Set(key string, v any) {}

// What was loaded is put into a cache under its key.
func (s *service) fill(c *cache, id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) {
		v, err := fetch(id)
		c.Set(id, v)
		return v, err
	})
	return v, err
}

type metrics struct{ loads atomic.Int64 }

func (*metrics) Record(name, by string) {}

// Loads are counted in the load.
func (s *service) counted(m *metrics, user, id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) {
		m.loads.Add(1)
		m.Record("load", user)
		log.Println("loading", id, "for", user)
		return fetch(id)
	})
	return v, err
}

type client struct{}

func (*client) Send(ctx context.Context, q string) (string, error) { return q, nil }

// To send is to ask: the answer is what is loaded.
func (s *service) remote(c *client, q string) (any, error) {
	v, err, _ := s.g.Do(q, func() (any, error) { return c.Send(context.Background(), q) })
	return v, err
}

type stream struct{}

func (*stream) Send(q string) error   { return nil }
func (*stream) Recv() (string, error) { return "", nil }

// So it is on a stream.
func (s *service) streamed(st *stream, q string) (any, error) {
	v, err, _ := s.g.Do(q, func() (any, error) {
		if err := st.Send(q); err != nil {
			return nil, err
		}
		return st.Recv()
	})
	return v, err
}

// A count for the key: the first caller's user is everybody's.
func (s *service) quota(ctx context.Context, user string) (any, error) {
	v, err, _ := s.g.Do("quota/"+user, func() (any, error) {
		return user, s.limiter.Incr(context.WithoutCancel(ctx), user)
	})
	return v, err
}

type publisherConfig struct{}

func newPublisher(c publisherConfig) *bus { return &bus{} }

// A publisher is made, and nothing is published.
func (s *service) connect(c publisherConfig) (any, error) {
	v, err, _ := s.g.Do("bus", func() (any, error) { return newPublisher(c), nil })
	return v, err
}

// An event of what the load does: there is one write, and one event.
func (s *service) create(id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) { return id, s.write(id) })
	return v, err
}

func (s *service) write(id string) error { return s.bus.Publish("written", id) }
