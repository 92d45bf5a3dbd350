package unbounded

import (
	"context"
	"os/exec"
	"strings"
	"time"

	"github.com/onefold-go/onefold"
)

// Detached, and bounded.
func (s *store) bounded(ctx context.Context, id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		return s.name(ctx, id)
	})
	return v, err
}

func limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), time.Second)
}

// Bounded by a function of the package.
func (s *store) limited(ctx context.Context, id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) {
		ctx, cancel := limit(ctx)
		defer cancel()
		return s.name(ctx, id)
	})
	return v, err
}

func (s *store) nameSoon(ctx context.Context, id string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return s.name(ctx, id)
}

// Bounded in the function that waits.
func (s *store) soon(id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) { return s.nameSoon(context.Background(), id) })
	return v, err
}

func (s *store) nameWithin(ctx context.Context, d time.Duration, id string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return s.name(ctx, id)
}

// A duration beside the context is a bound.
func (s *store) duration(id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) { return s.nameWithin(context.Background(), time.Second, id) })
	return v, err
}

type users interface {
	User(ctx context.Context, id string) (string, error)
}

// What an unknown function does is not guessed at.
func (s *store) unknown(db users, id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) { return db.User(context.Background(), id) })
	return v, err
}

// Nothing that waits.
func (s *store) computes(id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) { return strings.Repeat(id, 1000), nil })
	return v, err
}

// The caller's context has an end; that it is the caller's is another rule's
// matter.
func (s *store) callers(ctx context.Context, id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) { return s.name(ctx, id) })
	return v, err
}

// A timer kills the command.
func (s *store) killed(id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) {
		cmd := exec.Command("resolve", id)
		t := time.AfterFunc(time.Second, func() { cmd.Process.Kill() })
		defer t.Stop()
		return cmd.Output()
	})
	return v, err
}

// The library's context has the deadline that its configuration says.
func (s *store) passed(ctx context.Context, g *onefold.Group[string, string], id string) (string, error) {
	return g.Do(ctx, id, s.name)
}

// A goroutine that is not waited for holds nobody up.
func (s *store) started(id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) {
		go s.name(context.Background(), id)
		return id, nil
	})
	return v, err
}
