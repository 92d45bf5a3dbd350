package tier_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/tier"
)

// A load gives its turn under MaxLoads back however it ends.
//
// SPEC: G33, F02
func TestTurnsComeBack(t *testing.T) {
	for name, end := range map[string]func() error{
		"error":  func() error { return errSource },
		"panic":  func() error { panic("jam") },
		"Goexit": func() error { runtime.Goexit(); return nil },
	} {
		for _, together := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				fails := true
				b := &crate{
					one: func(context.Context, string) (int, error) {
						if fails {
							return 0, end()
						}
						return 1, nil
					},
					many: func(context.Context, []string) (map[string]int, error) {
						if fails {
							return nil, end()
						}
						return map[string]int{"a": 1, "bb": 2}, nil
					},
				}
				c := newCrateCache(t, b, tier.Config{MaxLoads: 1, OnPanic: onefold.ReturnPanic})
				call := func() error {
					if together {
						return c.GetMany(t.Context(), []string{"a", "bb"})[1].Err
					}
					_, err := c.Get(t.Context(), "k")
					return err
				}
				for range 2 {
					if err := call(); err == nil || errors.Is(err, onefold.ErrOverload) {
						t.Errorf("%s, together %t: a call came to %v, want the load's own end", name, together, err)
					}
				}
				fails = false
				if err := call(); err != nil {
					t.Errorf("%s, together %t: the call after it came to %v, want nil", name, together, err)
				}
			})
		}
	}
}

// Who meets MaxLoads is given a stale value if there is one, and an error if not.
//
// SPEC: C19, F01
func TestLimitPrefersAStaleValue(t *testing.T) {
	for _, wait := range []time.Duration{0, time.Second} {
		for _, together := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				b := &crate{}
				b.one = func(_ context.Context, key string) (int, error) {
					if key == "slow" {
						time.Sleep(time.Minute)
					}
					return len(key), nil
				}
				c := newCrateCache(t, b, tier.Config{TTL: time.Second, StaleIfError: time.Hour, MaxLoads: 1, QueueWait: wait})
				wantGet(t, c, "k", 1)
				time.Sleep(time.Minute)
				slow := get(t.Context(), c, "slow")
				synctest.Wait()
				start := time.Now()
				call := func(key string) tier.Result[int] {
					if together {
						return c.GetMany(t.Context(), []string{key})[0]
					}
					return c.GetResult(t.Context(), key, tier.Read{})
				}
				if r := call("k"); r.Value != 1 || r.Err != nil || r.Outcome != onefold.Stale || r.Why != tier.Overloaded {
					t.Errorf("together %t: a call with a stale value got %+v, want it, overloaded", together, r)
				}
				if took := time.Since(start); took != wait {
					t.Errorf("together %t: it took %v, want %v", together, took, wait)
				}
				var limit *onefold.LimitError
				if r := call("new"); !errors.As(r.Err, &limit) || limit.Limit != "MaxLoads" || limit.Value != 1 {
					t.Errorf("together %t: a call without one got %+v, want a LimitError", together, r)
				}
				if n := c.Stats().Shed; n != 1 {
					t.Errorf("together %t: %d shed, want 1", together, n)
				}
				wantReply(t, <-slow, 4)
			})
		}
	}
}
