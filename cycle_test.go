package onefold_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold"
	"pgregory.net/rapid"
)

// SPEC: G28
func TestLoadAsksForItsOwnKey(t *testing.T) {
	type tag struct{}
	for name, wrap := range map[string]func(context.Context) context.Context{
		"as it is":       func(ctx context.Context) context.Context { return ctx },
		"with a value":   func(ctx context.Context) context.Context { return context.WithValue(ctx, tag{}, 1) },
		"without cancel": context.WithoutCancel,
		"with a deadline": func(ctx context.Context) context.Context {
			ctx, cancel := context.WithTimeout(ctx, time.Hour)
			context.AfterFunc(ctx, cancel)
			return ctx
		},
	} {
		t.Run(name, func(t *testing.T) {
			tell(t, onefold.Config{}, func(s *story) {
				load := func(ctx context.Context, key string) (int, error) {
					v, err := s.ask(wrap(ctx), &s.group, key, s.load)
					if v != 0 || !errors.Is(err, onefold.ErrCycle) {
						s.Errorf("the load got %d, %v for its own key, want ErrCycle", v, err)
					}
					return s.load(ctx, key)
				}
				leader := s.call(s.ctx, "k", load)
				joiner := s.call(s.ctx, "k", load)
				s.wants("leader", leader, answer{value: 1, at: time.Second})
				s.wants("joiner", joiner, answer{value: 1, at: time.Second})
			})
		})
	}
}

// SPEC: G29
func TestLoadAsksForOtherKeys(t *testing.T) {
	tell(t, onefold.Config{}, func(s *story) {
		sum := func(ctx context.Context, _ string) (int, error) {
			a, errA := s.ask(ctx, &s.group, "a", s.load)
			b, errB := s.ask(ctx, &s.group, "b", s.load)
			return a + b, errors.Join(errA, errB)
		}
		s.wants("caller", s.call(s.ctx, "sum", sum), answer{value: 1 + 2, at: 2 * time.Second})
	})
}

// A load may ask another group for a key that is equal to its own.
//
// SPEC: G29
func TestEqualKeysOfTwoGroupsAreNoCycle(t *testing.T) {
	tell(t, onefold.Config{}, func(s *story) {
		var other onefold.Group[string, int]
		outer := func(ctx context.Context, key string) (int, error) { return s.ask(ctx, &other, key, s.load) }
		s.wants("caller", s.call(s.ctx, "k", outer), answer{value: 1, at: time.Second})
	})
}

// Each group of a ring has a load that asks the next group. Whoever closes the
// ring is told so, makes do without, and the others get their values.
//
// SPEC: G30
func TestRingOfLoads(t *testing.T) {
	for n := 2; n <= 5; n++ {
		for callers := 1; callers <= n; callers++ {
			t.Run(fmt.Sprintf("%d callers in a ring of %d", callers, n), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					groups := make([]onefold.Group[int, int], n)
					var refused atomic.Int64
					var load func(context.Context, int) (int, error)
					load = func(ctx context.Context, i int) (int, error) {
						time.Sleep(time.Second)
						_, err := groups[(i+1)%n].Do(ctx, (i+1)%n, load)
						if errors.Is(err, onefold.ErrCycle) {
							refused.Add(1)
							err = nil
						}
						return i, err
					}
					var wg sync.WaitGroup
					for i := range callers {
						wg.Go(func() {
							if v, err := groups[i].Do(t.Context(), i, load); v != i || err != nil {
								t.Errorf("caller %d got %d, %v", i, v, err)
							}
						})
					}
					wg.Wait()
					if refused.Load() == 0 {
						t.Error("nobody was told of the ring")
					}
				})
			})
		}
	}
}

// Groups of different types can form a ring as well.
//
// SPEC: G30
func TestRingOfDifferentTypes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			names   onefold.Group[int, string]
			numbers onefold.Group[string, int]
			name    func(context.Context, int) (string, error)
		)
		number := func(ctx context.Context, _ string) (int, error) {
			_, err := names.Do(ctx, 1, name)
			return 1, err
		}
		name = func(ctx context.Context, _ int) (string, error) {
			_, err := numbers.Do(ctx, "one", number)
			return "one", err
		}
		if _, err := names.Do(t.Context(), 1, name); !errors.Is(err, onefold.ErrCycle) {
			t.Errorf("Do = %v, want ErrCycle", err)
		}
	})
}

// Thirty diamonds, one below the other: there are 2^30 ways down, and no ring.
//
// SPEC: G29
func TestDiamondsAreNoRing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type node struct{ layer, side int }
		var (
			g     onefold.Group[node, int]
			loads atomic.Int64
			load  func(context.Context, node) (int, error)
		)
		load = func(ctx context.Context, at node) (int, error) {
			loads.Add(1)
			if at.layer == 30 {
				time.Sleep(time.Second)
				return 1, nil
			}
			if at.side != 0 {
				return g.Do(ctx, node{at.layer + 1, 0}, load)
			}
			left, right := g.DoChan(ctx, node{at.layer, 1}, load), g.DoChan(ctx, node{at.layer, 2}, load)
			l, r := <-left, <-right
			return max(l.Value, r.Value), errors.Join(l.Err, r.Err)
		}
		if v, err := g.Do(t.Context(), node{}, load); v != 1 || err != nil {
			t.Errorf("Do = %d, %v; want 1, nil", v, err)
		}
		if n := loads.Load(); n != 3*30+1 {
			t.Errorf("%d loads, want %d", n, 3*30+1)
		}
	})
}

// SPEC: G28, G29, G30
func TestRandomDependencies(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var (
			needs    = rapid.SliceOfN(rapid.SliceOfNDistinct(rapid.IntRange(0, 4), 0, 3, rapid.ID[int]), 5, 5).Draw(rt, "needs")
			starts   = rapid.SliceOfN(rapid.IntRange(0, 4), 1, 4).Draw(rt, "starts")
			abreast  = rapid.Bool().Draw(rt, "abreast")
			refusals atomic.Int64
		)
		synctest.Test(t, func(t *testing.T) {
			var (
				groups [2]onefold.Group[int, int]
				wg     sync.WaitGroup
				load   func(context.Context, int) (int, error)
			)
			load = func(ctx context.Context, key int) (int, error) {
				time.Sleep(ms)
				var asked []<-chan onefold.Result[int]
				for _, next := range needs[key] {
					result := groups[next%2].DoChan(ctx, next, load)
					if abreast {
						asked = append(asked, result)
						continue
					}
					if r := <-result; r.Err != nil {
						refusals.Add(1)
					}
				}
				for _, result := range asked {
					if r := <-result; r.Err != nil {
						refusals.Add(1)
					}
				}
				return key, nil
			}
			for _, key := range starts {
				wg.Go(func() {
					if v, err := groups[key%2].Do(t.Context(), key, load); v != key || err != nil {
						t.Errorf("Do(%d) = %d, %v", key, v, err)
					}
				})
			}
			wg.Wait() // or the bubble reports a deadlock
		})
		if got, want := refusals.Load() > 0, ringIn(needs, starts); got != want {
			rt.Fatalf("%d loads were told of a ring; there is one: %v", refusals.Load(), want)
		}
	})
}

// ringIn reports whether a walk from one of starts can come round.
func ringIn(needs [][]int, starts []int) bool {
	var walk func(path []int, at int) bool
	walk = func(path []int, at int) bool {
		if slices.Contains(path, at) {
			return true
		}
		return slices.ContainsFunc(needs[at], func(next int) bool { return walk(append(path, at), next) })
	}
	return slices.ContainsFunc(starts, func(start int) bool { return walk(nil, start) })
}

// SPEC: N16
func TestContextOfAnEndedLoadRaisesNoCycle(t *testing.T) {
	tell(t, onefold.Config{}, func(s *story) {
		var kept context.Context
		load := func(ctx context.Context, key string) (int, error) {
			kept = context.WithoutCancel(ctx)
			return s.load(ctx, key)
		}
		s.wants("caller", s.call(s.ctx, "k", load), answer{value: 1, at: time.Second})
		leader := s.call(s.ctx, "k", s.load)
		joiner := s.call(kept, "k", s.load)
		s.wants("leader of a later load", leader, answer{value: 2, at: 2 * time.Second})
		s.wants("joiner with the first load's context", joiner, answer{value: 2, at: 2 * time.Second})
		s.wants("leader with the first load's context", s.call(kept, "k", s.load), answer{value: 3, at: 3 * time.Second})
	})
}

// An abandoned load still runs and waits for another, but nobody waits for it.
//
// SPEC: G30
func TestAbandonedLoadClosesNoRing(t *testing.T) {
	tell(t, onefold.Config{}, func(s *story) {
		a := func(ctx context.Context, _ string) (int, error) {
			if s.age() > 0 {
				return s.load(ctx, "a")
			}
			return s.ask(context.WithoutCancel(ctx), &s.group, "b", func(ctx context.Context, _ string) (int, error) {
				time.Sleep(time.Second)
				return s.ask(ctx, &s.group, "a", s.load)
			})
		}
		s.wants("caller that abandons a", s.call(s.cancelledAt(500*ms), "a", a), answer{err: context.Canceled, at: 500 * ms})
		b := s.call(s.ctx, "b", s.load)
		s.wants("joiner of b, which asks for a again", b, answer{value: 1, at: 2 * time.Second})
	})
}

// A load that has given up waiting for another is not in its way.
//
// SPEC: G30
func TestWaitThatIsOverClosesNoRing(t *testing.T) {
	tell(t, onefold.Config{}, func(s *story) {
		a := func(ctx context.Context, _ string) (int, error) {
			impatient, cancel := context.WithTimeout(ctx, 500*ms)
			defer cancel()
			if v, err := s.ask(impatient, &s.group, "b", s.load); err != context.DeadlineExceeded {
				s.Errorf("a got %d, %v for b, want to have left", v, err)
			}
			time.Sleep(time.Second)
			return 7, nil
		}
		b := func(ctx context.Context, _ string) (int, error) {
			time.Sleep(time.Second)
			return s.ask(ctx, &s.group, "a", s.load)
		}
		callerOfB := s.call(s.ctx, "b", b)
		callerOfA := s.call(s.ctx, "a", a)
		s.wants("caller of a", callerOfA, answer{value: 7, at: 1500 * ms})
		s.wants("caller of b, which waits for a", callerOfB, answer{value: 7, at: 1500 * ms})
	})
}

// A load that hides its context from the group is out of the cycle check's
// sight. The timeout releases its callers.
//
// SPEC: N07, G31
func TestTimeoutIsTheSecondLineAgainstCycles(t *testing.T) {
	tell(t, onefold.Config{LoadTimeout: 2 * time.Second}, func(s *story) {
		load := func(_ context.Context, key string) (int, error) {
			return s.ask(context.Background(), &s.group, key, s.load)
		}
		s.wants("caller", s.call(s.ctx, "k", load), answer{err: onefold.ErrLoadTimeout, at: 2 * time.Second})
	})
}
