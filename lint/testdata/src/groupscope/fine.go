package groupscope

import (
	"context"
	"sync"

	"github.com/onefold-go/onefold"
	"golang.org/x/sync/singleflight"
)

// The goroutines of one call share it.
func parallel(keys []string) {
	var (
		g  singleflight.Group
		wg sync.WaitGroup
	)
	for _, k := range keys {
		wg.Add(1)
		go func() {
			defer wg.Done()
			g.Do(k, func() (any, error) { return fetch(k) })
		}()
	}
	wg.Wait()
}

// So do those that something else starts.
func limited(keys []string, start func(func() error)) {
	var g singleflight.Group
	for _, k := range keys {
		start(func() error {
			_, err, _ := g.Do(k, func() (any, error) { return fetch(k) })
			return err
		})
	}
}

// The literal that is returned is called many times.
func memo(load func(string) (string, error)) func(string) (any, error) {
	var g singleflight.Group
	return func(key string) (any, error) {
		v, err, _ := g.Do(key, func() (any, error) { return load(key) })
		return v, err
	}
}

// It is kept.
func newStore() *store {
	s := new(store)
	s.g.Do("warm", func() (any, error) { return fetch("warm") })
	return s
}

type shared struct{ g *singleflight.Group }

func newShared() shared {
	g := new(singleflight.Group)
	g.Do("warm", func() (any, error) { return fetch("warm") })
	return shared{g}
}

// The wrapper is copied for each call, its group is not.
func (s shared) user(key string) (any, error) {
	g := s.g
	v, err, _ := g.Do(key, func() (any, error) { return fetch(key) })
	return v, err
}

type flight struct{ group *singleflight.Group }

func (f flight) Do(key string, load func() (any, error)) (any, error) {
	v, err, _ := f.group.Do(key, load)
	return v, err
}

func (s *store) wrapped(key string) (any, error) {
	f := flight{&s.g}
	return f.Do(key, func() (any, error) { return fetch(key) })
}

// It is given to somebody.
func given(key string, use func(*singleflight.Group)) {
	var g singleflight.Group
	use(&g)
	g.Do(key, func() (any, error) { return fetch(key) })
}

// Loads that run at once: two channels of one group.
func ahead(a, b string) (any, any) {
	var g singleflight.Group
	first := g.DoChan(a, func() (any, error) { return fetch(a) })
	second := g.DoChan(b, func() (any, error) { return fetch(b) })
	return (<-first).Val, (<-second).Val
}

func all(keys []string) (values []any) {
	var (
		g     singleflight.Group
		chans []<-chan singleflight.Result
	)
	for _, k := range keys {
		chans = append(chans, g.DoChan(k, func() (any, error) { return fetch(k) }))
	}
	for _, ch := range chans {
		values = append(values, (<-ch).Val)
	}
	return values
}

// A parameter and a variable of the package belong to somebody else.
var program singleflight.Group

func borrowed(g *singleflight.Group, key string) (any, error) {
	if g == nil {
		g = &program
	}
	v, err, _ := g.Do(key, func() (any, error) { return fetch(key) })
	return v, err
}

type service struct {
	users *onefold.Loader[string, string]
}

// A loader that is kept.
func newService(ctx context.Context) (*service, error) {
	users, err := onefold.NewLoader(func(_ context.Context, key string) (string, error) { return fetch(key) }, onefold.Config{})
	if err != nil {
		return nil, err
	}
	if _, err := users.Load(ctx, "warm"); err != nil {
		return nil, err
	}
	return &service{users}, nil
}
