package memo_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/memo"
	"github.com/onefold-go/onefold/tier"
)

var _ memo.Cache[int64, string] = (*tier.Cache[int64, string])(nil)

// A source is a register for each key. The methods may be called at the same
// time from many goroutines.
type source struct {
	mu     sync.Mutex
	values map[string]int
	loads  int
}

func (s *source) load(_ context.Context, key string) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loads++
	return s.values[key], nil
}

func (s *source) set(key string, value int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.values == nil {
		s.values = make(map[string]int)
	}
	s.values[key] = value
}

// setter gives what sets key, for Write.
func (s *source) setter(key string, value int) func(context.Context) error {
	return func(context.Context) error {
		s.set(key, value)
		return nil
	}
}

// count gives how many loads there were.
func (s *source) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.loads
}

// newCache makes a cache over load.
func newCache[V any](t testing.TB, load func(context.Context, string) (V, error)) *tier.Cache[string, V] {
	t.Helper()
	c, err := tier.New(load, tier.Config{}, mem.New[string, V](mem.Config{}))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A deskCache is a memo.Cache at which the test answers each Get by hand.
type deskCache struct {
	gets     chan *request // in the order in which they came
	err      error         // of Delete and Write
	deleting func()        // called by Delete, unless nil
}

// A request is a Get that waits for its answer.
type request struct {
	ctx    context.Context
	key    string
	answer chan func() (int, error)
}

func newDesk() *deskCache { return &deskCache{gets: make(chan *request, 100)} }

func (c *deskCache) Get(ctx context.Context, key string) (int, error) {
	r := &request{ctx, key, make(chan func() (int, error))}
	c.gets <- r
	return (<-r.answer)()
}

func (c *deskCache) Delete(context.Context, ...string) error {
	if c.deleting != nil {
		c.deleting()
	}
	return c.err
}

func (c *deskCache) Write(ctx context.Context, _ string, write func(context.Context) error) error {
	if err := write(ctx); err != nil {
		return err
	}
	return c.err
}

// next gives the next Get that waits.
func (c *deskCache) next(t testing.TB) *request {
	t.Helper()
	select {
	case r := <-c.gets:
		return r
	default:
		t.Fatal("no Get has come to the cache")
		return nil
	}
}

// idle checks that no Get has come.
func (c *deskCache) idle(t testing.TB) {
	t.Helper()
	select {
	case r := <-c.gets:
		t.Fatalf("a Get of %q has come to the cache", r.key)
	default:
	}
}

// returns makes the Get return.
func (r *request) returns(v int, err error) { r.ends(func() (int, error) { return v, err }) }

// ends makes the Get end as f does.
func (r *request) ends(f func() (int, error)) {
	r.answer <- f
	synctest.Wait()
}

// An answer is what a call came to.
type answer struct {
	value int
	err   error // a panic's value, when the call panicked with an error
}

// A getter is a View's Get, or a Table's with a load.
type getter func(ctx context.Context, key string) (int, error)

// of gives t's Get with load.
func of(t *memo.Table[string, int], load getter) getter {
	return func(ctx context.Context, key string) (int, error) { return t.Get(ctx, key, load) }
}

// call calls get on a goroutine of its own, and returns when that waits or is
// done. The channel is closed without an answer when get exits.
func call(ctx context.Context, get getter, key string) <-chan answer {
	ch := make(chan answer, 1)
	go func() {
		defer close(ch)
		v, err := safely(ctx, get, key)
		ch <- answer{v, err}
	}()
	synctest.Wait()
	return ch
}

// safely is get that makes an error of a panic.
func safely(ctx context.Context, get getter, key string) (v int, err error) {
	defer func() {
		if p, ok := recover().(error); ok {
			v, err = 0, raised{p}
		}
	}()
	return get(ctx, key)
}

// raised is an error that a Get panicked with.
type raised struct{ error }

func (r raised) Unwrap() error { return r.error }

// wants checks an answer that must have come.
func wants(t testing.TB, who string, ch <-chan answer, want answer) {
	t.Helper()
	synctest.Wait()
	select {
	case got, ok := <-ch:
		if got != want || !ok {
			t.Errorf("%s got %v (%t), want %v", who, got, ok, want)
		}
	default:
		t.Errorf("%s waits, want %v", who, want)
	}
}

// waits checks that an answer has not come.
func waits(t testing.TB, who string, ch <-chan answer) {
	t.Helper()
	synctest.Wait()
	select {
	case got := <-ch:
		t.Errorf("%s got %v, want it to wait", who, got)
	default:
	}
}

// wantGet checks what get gives.
func wantGet(t testing.TB, ctx context.Context, get getter, key string, want int) { //nolint:revive // t comes first, as in all helpers
	t.Helper()
	if v, err := get(ctx, key); v != want || err != nil {
		t.Errorf("Get(%q) = %d, %v; want %d, nil", key, v, err, want)
	}
}
