package future_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/future"
)

const ms = time.Millisecond

// A story is a future in a synctest bubble whose loads the test ends by hand.
// The clock begins at zero and moves only when everything waits for it.
type story struct {
	*testing.T
	f     *future.Future[int]
	start time.Time
	loads []*load // in the order in which they began
}

// A load is one call of the future's loader.
type load struct {
	ctx context.Context
	end chan func() (int, error)
}

// returns makes the load return.
func (l *load) returns(v int, err error) { l.ends(func() (int, error) { return v, err }) }

// ends makes the load end as f does.
func (l *load) ends(f func() (int, error)) {
	l.end <- f
	synctest.Wait()
}

func tell(t *testing.T, cfg future.Config, body func(*story)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &story{T: t, start: time.Now()}
		s.f = future.New(s.load, cfg)
		body(s)
	})
}

func (s *story) load(ctx context.Context) (int, error) {
	l := &load{ctx: ctx, end: make(chan func() (int, error))}
	s.loads = append(s.loads, l)
	return (<-l.end)()
}

// An answer is what a call came to, and when.
type answer struct {
	value int
	err   error // a panic's value, when the call panicked with an error
	at    time.Duration
}

func (a answer) String() string { return fmt.Sprintf("%d, %v at %v", a.value, a.err, a.at) }

// call calls Get on a goroutine of its own, and returns when that waits or is
// done.
func (s *story) call(ctx context.Context) <-chan answer {
	ch := make(chan answer, 1)
	go func() {
		v, err := get(ctx, s.f)
		ch <- answer{v, err, s.age()}
	}()
	synctest.Wait()
	return ch
}

// get is Get that makes an error of a panic.
func get(ctx context.Context, f *future.Future[int]) (v int, err error) {
	defer func() {
		if p := recover(); p != nil {
			v, err = 0, raised{p.(error)}
		}
	}()
	return f.Get(ctx)
}

// raised is an error that Get panicked with.
type raised struct{ error }

func (r raised) Unwrap() error { return r.error }

// wants checks an answer that must have come.
func (s *story) wants(who string, ch <-chan answer, want answer) {
	s.Helper()
	select {
	case got := <-ch:
		if got != want {
			s.Errorf("%s got %v; want %v", who, got, want)
		}
	default:
		s.Errorf("%s waits; want %v", who, want)
	}
}

// waits checks that an answer has not come.
func (s *story) waits(who string, ch <-chan answer) {
	s.Helper()
	select {
	case got := <-ch:
		s.Errorf("%s got %v; want it to wait", who, got)
	default:
	}
}

// now is Get by a caller who need not wait.
func (s *story) now() answer {
	s.Helper()
	select {
	case got := <-s.call(s.Context()):
		return got
	default:
		s.Fatal("Get waits")
		return answer{}
	}
}

// wantsKept checks what a caller gets who need not wait.
func (s *story) wantsKept(want int) {
	s.Helper()
	if got := s.now(); got.value != want || got.err != nil {
		s.Errorf("Get = %v; want %d at once", got, want)
	}
	if v, ok := s.f.Peek(); v != want || !ok {
		s.Errorf("Peek = %d, %t; want %d, true", v, ok, want)
	}
}

// wantsNothingKept checks that there is no value.
func (s *story) wantsNothingKept() {
	s.Helper()
	if v, ok := s.f.Peek(); v != 0 || ok {
		s.Errorf("Peek = %d, %t; want nothing", v, ok)
	}
}

// wantsRetryError checks that callers are told of failure, and of the time
// left, which it returns.
func (s *story) wantsRetryError(failure error) time.Duration {
	s.Helper()
	got := s.now()
	var retry *future.RetryError
	if !errors.As(got.err, &retry) || !errors.Is(got.err, failure) || errors.As(got.err, new(raised)) {
		s.Fatalf("Get = %v; want a RetryError around %v", got, failure)
	}
	if retry.After <= 0 {
		s.Errorf("RetryError.After is %v, want more than 0", retry.After)
	}
	return retry.After
}

// wantsLoads checks how many loads have begun.
func (s *story) wantsLoads(want int) {
	s.Helper()
	if got := len(s.loads); got != want {
		s.Fatalf("%d loads, want %d", got, want)
	}
}

// age is the time since the story began.
func (s *story) age() time.Duration { return time.Since(s.start) }

// until lets time pass until the story is d old.
func (s *story) until(d time.Duration) {
	time.Sleep(d - s.age())
	synctest.Wait()
}

// leaver is a context for a caller, and what makes it leave.
func (s *story) leaver() (ctx context.Context, leave func()) {
	ctx, cancel := context.WithCancel(s.Context())
	return ctx, func() {
		cancel()
		synctest.Wait()
	}
}
