package future_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/future"
)

// lazy makes a future of a load that refers to it or to others declared later.
func lazy(load *func(context.Context) (int, error)) *future.Future[int] {
	return future.New(func(ctx context.Context) (int, error) { return (*load)(ctx) }, future.Config{})
}

// SPEC: G28
func TestLoadAsksForItself(t *testing.T) {
	type tag struct{}
	for name, wrap := range map[string]func(context.Context) context.Context{
		"as it is":       func(ctx context.Context) context.Context { return ctx },
		"with a value":   func(ctx context.Context) context.Context { return context.WithValue(ctx, tag{}, 1) },
		"without cancel": context.WithoutCancel,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var load func(context.Context) (int, error)
				f := lazy(&load)
				load = func(ctx context.Context) (int, error) {
					v, err := f.Get(wrap(ctx))
					if v != 0 || !errors.Is(err, future.ErrCycle) {
						t.Errorf("the load got %d, %v; want ErrCycle", v, err)
					}
					return 7, nil // it makes do without
				}
				if v, err := f.Get(t.Context()); v != 7 || err != nil {
					t.Errorf("Get = %d, %v; want 7, nil", v, err)
				}
			})
		})
	}
}

// Two futures need each other, and both are asked for at once.
//
// SPEC: G30
func TestRingOfFutures(t *testing.T) {
	for _, callers := range []int{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			var loads [2]func(context.Context) (int, error)
			futures := []*future.Future[int]{lazy(&loads[0]), lazy(&loads[1])}
			for i := range loads {
				loads[i] = func(ctx context.Context) (int, error) {
					time.Sleep(time.Second)
					return futures[1-i].Get(ctx)
				}
			}
			var wg sync.WaitGroup
			for i := range callers {
				wg.Go(func() {
					if _, err := futures[i].Get(t.Context()); !errors.Is(err, future.ErrCycle) {
						t.Errorf("caller %d got %v, want ErrCycle", i, err)
					}
				})
			}
			wg.Wait() // or the bubble reports a deadlock
		})
	}
}

// A caller who is told of a ring waits no more: the load that it was to wait
// for counts it out.
func TestCallerInARingIsCountedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var load func(context.Context) (int, error)
		f := lazy(&load)
		load = func(ctx context.Context) (int, error) {
			_, err := f.Get(ctx)
			<-ctx.Done()
			return 0, errors.Join(err, ctx.Err())
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _, _ = f.Get(ctx) }()
		synctest.Wait()
		cancel()
		synctest.Wait()
		f.Reset()
		// Nobody waits: Reset has ended the load, or the bubble reports it.
	})
}

// A load that has left another load does not wait for it: that one may wait for
// the first.
//
// SPEC: G29
func TestLoadThatHasLeftClosesNoRing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var loads [2]func(context.Context) (int, error)
		futures := []*future.Future[int]{lazy(&loads[0]), lazy(&loads[1])}
		loads[0] = func(ctx context.Context) (int, error) {
			short, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			if _, err := futures[1].Get(short); err != context.DeadlineExceeded {
				t.Errorf("Get = %v, want DeadlineExceeded", err)
			}
			time.Sleep(time.Minute)
			return 7, nil
		}
		loads[1] = func(ctx context.Context) (int, error) {
			time.Sleep(2 * time.Second)
			v, err := futures[0].Get(ctx)
			if v != 7 || err != nil {
				t.Errorf("the load got %d, %v; want 7, nil", v, err)
			}
			return v, err
		}
		if v, err := futures[0].Get(t.Context()); v != 7 || err != nil {
			t.Errorf("Get = %d, %v; want 7, nil", v, err)
		}
	})
}

// SPEC: N16
func TestContextOfAnEndedLoadRaisesNoCycle(t *testing.T) {
	tell(t, future.Config{}, func(s *story) {
		s.call(s.Context())
		s.loads[0].returns(7, nil)
		s.f.Reset()
		leader := s.call(s.Context())
		joiner := s.call(context.WithoutCancel(s.loads[0].ctx))
		s.wantsLoads(2)
		s.loads[1].returns(8, nil)
		s.wants("leader", leader, answer{value: 8})
		s.wants("joiner with the first load's context", joiner, answer{value: 8})
	})
}

// A load may wait for another future that many wait for, with no ring.
//
// SPEC: G29
func TestLoadsShareAFuture(t *testing.T) {
	tell(t, future.Config{}, func(s *story) {
		sum := func(ctx context.Context) (int, error) {
			v, err := s.f.Get(ctx)
			return v + 1, err
		}
		results := make(chan int, 3)
		for range 3 {
			f := future.New(sum, future.Config{})
			go func() {
				v, _ := f.Get(s.Context())
				results <- v
			}()
		}
		synctest.Wait()
		s.wantsLoads(1)
		s.loads[0].returns(7, nil)
		for range 3 {
			if v := <-results; v != 8 {
				s.Errorf("Get = %d, want 8", v)
			}
		}
	})
}
