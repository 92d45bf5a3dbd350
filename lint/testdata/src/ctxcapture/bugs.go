package ctxcapture

import (
	"context"
	"net/http"
	"time"

	"golang.org/x/sync/singleflight"
	resenje "resenje.org/singleflight"
)

type store struct {
	g   singleflight.Group
	own resenje.Group[string, string]
	ctx context.Context // the program's
}

func fetch(ctx context.Context, id string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, "GET", id, nil)
	if err != nil {
		return "", err
	}
	_, err = http.DefaultClient.Do(req)
	return id, err
}

// The commonest form.
func (s *store) plain(ctx context.Context, id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) {
		return fetch(ctx, id) // want `with the context of its first caller: when that caller leaves, it fails for them all`
	})
	return v, err
}

// A timeout on top of the caller's context still ends with the caller.
func (s *store) timeout(ctx context.Context, id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		return fetch(ctx, id) // want `a timeout on top of it changes nothing in that`
	})
	return v, err
}

// So does one made outside.
func (s *store) timeoutOutside(ctx context.Context, id string) (any, error) {
	bounded, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	v, err, _ := s.g.Do(id, func() (any, error) {
		return fetch(bounded, id) // want `the context of its first caller`
	})
	return v, err
}

// The load as a variable.
func (s *store) variable(ctx context.Context, id string) (any, error) {
	load := func() (any, error) {
		return fetch(ctx, id) // want `the context of its first caller`
	}
	v, err, _ := s.g.Do(id, load)
	return v, err
}

// A request's context, taken within the load.
func (s *store) request(w http.ResponseWriter, r *http.Request) {
	v, err, _ := s.g.Do(r.URL.Path, func() (any, error) {
		return fetch(r.Context(), "x") // want `the context of its first caller's request`
	})
	_, _ = v, err
}

type item struct{ ctx context.Context }

func (i *item) Context() context.Context { return i.ctx }

// A context behind an accessor of what the caller gave.
func (s *store) accessor(i *item) (any, error) {
	v, err, _ := s.g.Do("k", func() (any, error) {
		return fetch(i.Context(), "k") // want `the context of its first caller's request`
	})
	return v, err
}

// A field of what the caller gave.
func (s *store) field(i *item) (any, error) {
	v, err, _ := s.g.Do("k", func() (any, error) {
		return fetch(i.ctx, "k") // want `the context of its first caller`
	})
	return v, err
}

// Waiting for the caller's end.
func (s *store) waits(ctx context.Context, id string, ready chan string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) {
		select {
		case v := <-ready:
			return v, nil
		case <-ctx.Done(): // want `the context of its first caller`
			return nil, ctx.Err()
		}
	})
	return v, err
}

// A nil context that is replaced is the caller's all the same.
func (s *store) orBackground(ctx context.Context, id string) (any, error) {
	if ctx == nil {
		ctx = context.Background()
	}
	v, err, _ := s.g.Do(id, func() (any, error) {
		return fetch(ctx, id) // want `the context of its first caller`
	})
	return v, err
}

// What makes the load is one hop away.
func (s *store) made(ctx context.Context, id string) (any, error) {
	v, err, _ := s.g.Do(id, loadOf(ctx, id))
	return v, err
}

func loadOf(ctx context.Context, id string) func() (any, error) {
	return func() (any, error) {
		return fetch(ctx, id) // want `the context of its first caller`
	}
}

// The library gives a context, and the load uses the other one.
func (s *store) outer(ctx context.Context, id string) (string, error) {
	v, _, err := s.own.Do(ctx, id, func(loadCtx context.Context) (string, error) {
		return fetch(ctx, id) // want `this load is given a context of its own and uses the context of its first caller`
	})
	return v, err
}

// A goroutine of the load goes on when the load has returned: a context that ends
// with the load would end it. Found, and not mended.
func (s *store) goesOn(ctx context.Context, id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) {
		go fetch(ctx, "neighbour of "+id) // want `the context of its first caller`
		return fetch(context.WithoutCancel(ctx), id)
	})
	return v, err
}

// What a context embeds is what ends it.
type named struct {
	context.Context
	values context.Context
}

func (s *store) embedded(ctx context.Context, id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) {
		return fetch(named{ctx, context.Background()}, id) // want `the context of its first caller`
	})
	return v, err
}

// One of those who hand a context on hands on a caller's.
func (s *store) ofProgram(id string) (any, error) { return s.either(s.ctx, id) }

func (s *store) ofCaller(ctx context.Context, id string) (any, error) { return s.either(ctx, id) }

func (s *store) either(ctx context.Context, id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) {
		return fetch(ctx, id) // want `with the context of its first caller`
	})
	return v, err
}
