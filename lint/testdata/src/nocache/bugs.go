package nocache

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"

	"github.com/onefold-go/onefold"
	"golang.org/x/sync/singleflight"
)

type db struct{}

func (*db) user(ctx context.Context, id string) (string, error) { return id, nil }

type service struct {
	g   singleflight.Group
	own onefold.Group[string, string]
	db  *db

	loads atomic.Int64
}

// A burst shares one load, and the next caller loads again.
func (s *service) User(ctx context.Context, id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) { // want `nothing here keeps what is loaded: it is shared by those who come while the load runs`
		return s.db.user(context.WithoutCancel(ctx), id)
	})
	return v, err
}

// A named function loads.
func (s *service) Region() (any, error) {
	v, err, _ := s.g.Do("region", region) // want `nothing here keeps`
	return v, err
}

func region() (any, error) { return "eu", nil }

// What is decoded is not kept either.
func (s *service) Config() (any, error) {
	v, err, _ := s.g.Do("config", func() (any, error) { // want `nothing here keeps`
		var c struct{ Name string }
		err := json.Unmarshal([]byte(`{}`), &c)
		return c, err
	})
	return v, err
}

// A count of the loads is not what was loaded.
func (s *service) Counted() (any, error) {
	v, err, _ := s.g.Do("counted", func() (any, error) { // want `nothing here keeps`
		s.loads.Add(1)
		return region()
	})
	return v, err
}

// With a channel.
func (s *service) Wait(ctx context.Context, id string) (any, error) {
	select {
	case r := <-s.g.DoChan(id, func() (any, error) { return s.db.user(context.Background(), id) }): // want `nothing here keeps`
		return r.Val, r.Err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// A group of our own keeps as little.
func (s *service) Own(ctx context.Context, id string) (string, error) {
	return s.own.Do(ctx, id, s.load) // want `nothing here keeps`
}

func (s *service) load(ctx context.Context, id string) (string, error) { return s.db.user(ctx, id) }

// Nor do those who call it.
func (s *service) page(id string) (any, error) {
	v, err, _ := s.g.Do("page/"+id, func() (any, error) { return "page " + id, nil }) // want `nothing here keeps`
	return v, err
}

func (s *service) Handle(id string) string {
	v, err := s.page(id)
	return fmt.Sprint(v, err)
}
