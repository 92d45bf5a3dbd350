package ctxcapture

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/singleflight"
)

type detached struct{ context.Context }

func (detached) Done() <-chan struct{} { return nil }
func (detached) Err() error            { return nil }

func free(ctx context.Context) context.Context { return detached{ctx} }

// A context that embeds one which never ends has the other for its values.
type valuesOnly struct {
	context.Context
	of context.Context
}

func (v *valuesOnly) Value(key any) any { return v.of.Value(key) }

func suppressed(ctx context.Context) context.Context {
	return &valuesOnly{Context: context.Background(), of: ctx}
}

func (s *store) valuesOf(ctx context.Context, id string) (any, error) {
	s.g.Do("all", func() (any, error) {
		return fetch(&valuesOnly{context.Background(), ctx}, "all")
	})
	v, err, _ := s.g.Do(id, func() (any, error) {
		ctx := suppressed(ctx)
		if s.ctx != nil {
			var cancel func()
			ctx, cancel = context.WithTimeout(ctx, time.Second)
			defer cancel()
		}
		return fetch(ctx, id)
	})
	return v, err
}

// Detached within the load.
func (s *store) inside(ctx context.Context, id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		return fetch(ctx, id)
	})
	return v, err
}

// Detached before it.
func (s *store) before(ctx context.Context, id string) (any, error) {
	loadCtx := context.WithoutCancel(ctx)
	v, err, _ := s.g.Do(id, func() (any, error) { return fetch(loadCtx, id) })
	return v, err
}

// Detached by a function or a type of the package.
func (s *store) byHand(ctx context.Context, id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) { return fetch(free(ctx), id) })
	if err == nil {
		v, err, _ = s.g.Do(id, func() (any, error) { return fetch(detached{ctx}, id) })
	}
	return v, err
}

// Detached on one way: its author thought of it.
func (s *store) sometimes(ctx context.Context, id string, wait bool) (any, error) {
	if !wait {
		ctx = context.WithoutCancel(ctx)
	}
	v, err, _ := s.g.Do(id, func() (any, error) { return fetch(ctx, id) })
	return v, err
}

func traced(ctx context.Context, id string) { slog.InfoContext(ctx, id, "user", ctx.Value("user")) }

type journal interface {
	WarningfCtx(ctx context.Context, format string, args ...any)
}

// A logger is known by its functions too.
func (s *store) warns(ctx context.Context, j journal, id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) {
		j.WarningfCtx(ctx, "loads %s", id)
		return fetch(context.Background(), id)
	})
	return v, err
}

// Values and log lines are not bound to the caller's end.
func (s *store) values(ctx context.Context, id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) {
		slog.DebugContext(ctx, "loads", "id", id)
		traced(ctx, id)
		return fetch(context.Background(), id+ctx.Value("region").(string))
	})
	return v, err
}

// The load's own context has the name of the caller's.
func (s *store) shadowed(ctx context.Context, id string) (string, error) {
	v, _, err := s.own.Do(ctx, id, func(ctx context.Context) (string, error) { return fetch(ctx, id) })
	return v, err
}

// Nor is it one when a function of the package hands it on.
func (s *store) started(id string) (any, error) { return s.of(s.ctx, id) }

func (s *store) refreshed(ctx context.Context, id string) (any, error) {
	return s.of(context.WithoutCancel(ctx), id)
}

func (s *store) of(ctx context.Context, id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) { return fetch(ctx, id) })
	return v, err
}

// The program's context is nobody's call.
func (s *store) lifecycle(id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) { return fetch(s.ctx, id) })
	return v, err
}

// A command has one caller.
func run(cmd *cobra.Command, args []string) error {
	var s store
	_, err, _ := s.g.Do("k", func() (any, error) { return fetch(cmd.Context(), "k") })
	return err
}

// What cannot be seen is not guessed at.
func (s *store) opaque(ctx context.Context, id string, load func() (any, error)) (any, error) {
	v, err, _ := s.g.Do(id, load)
	return v, err
}

// The caller waits with its own context, and the load does not.
func (s *store) channel(ctx context.Context, id string) (any, error) {
	select {
	case r := <-s.g.DoChan(id, func() (any, error) { return fetch(context.WithoutCancel(ctx), id) }):
		return r.Val, r.Err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// The group is there for this one call: whoever waits leaves with it.
func all(ctx context.Context, ids []string) {
	var (
		g  singleflight.Group
		wg sync.WaitGroup
	)
	for _, id := range ids {
		wg.Go(func() {
			g.Do(id, func() (any, error) { return fetch(ctx, id) })
		})
	}
	wg.Wait()
}

// Those who wait are requests, and the context is that of who made the handler.
func (s *store) wrap(ctx context.Context, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r)
		s.g.Do(r.URL.Path, func() (any, error) { return fetch(ctx, r.URL.Path) })
	})
}

// Made once, with the context that the program gives its parts.
func handler(ctx context.Context) func(id string) (any, error) {
	var g singleflight.Group
	return func(id string) (any, error) {
		v, err, _ := g.Do(id, func() (any, error) { return fetch(ctx, id) })
		return v, err
	}
}
