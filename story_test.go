package onefold_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold"
)

const ms = time.Millisecond

// A story is a bubble with one group in it, and what a test tells with them:
// callers that come and leave, and loads that take a second.
type story struct {
	*testing.T
	group onefold.Group[string, int]
	loads atomic.Int64    // how many have started
	ctx   context.Context // for callers that never leave

	ask   askFunc
	start time.Time
}

// A loadFunc is a load of a story's group. An askFunc calls such a group, and
// gives what Do or DoChan gave; what Do panicked with is an error, as DoChan
// has it.
type (
	loadFunc func(ctx context.Context, key string) (int, error)
	askFunc  func(ctx context.Context, g *onefold.Group[string, int], key string, load loadFunc) (int, error)
)

// tell tells a story in a bubble of its own for each way to ask a group: those
// who never leave have a context that could end, or one that cannot, with
// which Do runs the load on its caller's goroutine. After each it lets a day
// pass and checks that the group is as if it had never been used.
func tell(t *testing.T, cfg onefold.Config, story func(s *story)) {
	t.Helper()
	t.Run("Do", func(t *testing.T) { tellOne(t, cfg, do, (*testing.T).Context, story) })
	t.Run("DoInline", func(t *testing.T) { tellOne(t, cfg, do, neverEnding, story) })
	t.Run("DoChan", func(t *testing.T) { tellOne(t, cfg, doChan, (*testing.T).Context, story) })
}

func tellOne(t *testing.T, cfg onefold.Config, ask askFunc, ctx func(*testing.T) context.Context, tell func(s *story)) {
	synctest.Test(t, func(t *testing.T) {
		s := &story{T: t, ctx: ctx(t), ask: ask, start: time.Now()}
		s.group.Config = cfg
		tell(s)
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if flights, loads := s.group.Traces(); flights != 0 || loads != 0 {
			t.Errorf("%d flights and %d loads are left, want none", flights, loads)
		}
	})
}

func neverEnding(*testing.T) context.Context { return context.Background() }

func do(ctx context.Context, g *onefold.Group[string, int], key string, load loadFunc) (v int, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = p.(*onefold.PanicError)
		}
	}()
	return g.Do(ctx, key, load)
}

func doChan(ctx context.Context, g *onefold.Group[string, int], key string, load loadFunc) (int, error) {
	r := <-g.DoChan(ctx, key, load)
	return r.Value, r.Err
}

// load takes a second, whatever becomes of its context. The nth gives n, so
// that a caller's value tells which load it is from.
func (s *story) load(context.Context, string) (int, error) {
	n := s.loads.Add(1)
	time.Sleep(time.Second)
	return int(n), nil
}

// cancelledAt gives a context that is canceled when the story is d old.
func (s *story) cancelledAt(d time.Duration) context.Context {
	ctx, cancel := context.WithCancel(s.ctx)
	time.AfterFunc(d-s.age(), cancel)
	return ctx
}

// deadlineAt gives a context whose deadline is when the story is d old.
func (s *story) deadlineAt(d time.Duration) context.Context {
	ctx, cancel := context.WithDeadline(s.ctx, s.start.Add(d))
	s.Cleanup(cancel)
	return ctx
}

// age gives how long ago the story began.
func (s *story) age() time.Duration { return time.Since(s.start) }

// until lets time pass until the story is d old.
func (s *story) until(d time.Duration) {
	time.Sleep(d - s.age())
	synctest.Wait()
}

// An answer is what a caller got, and how old the story was then.
type answer struct {
	value int
	err   error
	at    time.Duration
}

// A caller is a goroutine that asks the group once. Its channel is closed
// without an answer if the goroutine ends on the way.
type caller <-chan answer

// call starts a caller. When it returns, the caller waits or has its answer.
func (s *story) call(ctx context.Context, key string, load loadFunc) caller {
	c := make(chan answer, 1)
	go func() {
		defer close(c)
		v, err := s.ask(ctx, &s.group, key, load)
		c <- answer{v, err, s.age()}
	}()
	synctest.Wait()
	return c
}

// wants waits for the caller's answer and compares it. Errors are compared
// with errors.Is.
func (s *story) wants(who string, c caller, want answer) {
	s.Helper()
	got, ok := <-c
	if !ok {
		s.Errorf("%s got no answer, its goroutine ended; want %v", who, want)
		return
	}
	if got.value != want.value || got.at != want.at || !errors.Is(got.err, want.err) {
		s.Errorf("%s got %d, %v after %v; want %d, %v after %v", who, got.value, got.err, got.at, want.value, want.err, want.at)
	}
}

// wantsLoads checks how many loads have started.
func (s *story) wantsLoads(want int64) {
	s.Helper()
	if n := s.loads.Load(); n != want {
		s.Errorf("%d loads have started, want %d", n, want)
	}
}
