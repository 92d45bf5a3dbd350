package onefold_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/future"
	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/memo"
	"github.com/onefold-go/onefold/tier"
)

// ringOf gives the ring that err names.
func ringOf(t *testing.T, err error) *onefold.CycleError {
	t.Helper()
	var ring *onefold.CycleError
	if !errors.As(err, &ring) || !errors.Is(err, onefold.ErrCycle) {
		t.Fatalf("got %v, want a *CycleError that is ErrCycle", err)
	}
	return ring
}

// A user's load asks for their organisation, and that for the user. The error
// tells whose loads these are, and their keys by the digest that hooks know.
//
// SPEC: G30, S07
func TestRingIsNamed(t *testing.T) {
	var (
		loads = make(chan onefold.Event, 2)
		note  = onefold.Hooks{Load: func(e onefold.Event) { loads <- e }}
		users = onefold.Group[string, int]{Config: onefold.Config{Name: "users", Hooks: note}}
		orgs  = onefold.Group[int, string]{Config: onefold.Config{Name: "orgs", Hooks: note}}
		user  func(context.Context, string) (int, error)
	)
	org := func(ctx context.Context, _ int) (string, error) {
		_, err := users.Do(ctx, "secret@example.com", user)
		return "", err
	}
	user = func(ctx context.Context, _ string) (int, error) {
		_, err := orgs.Do(ctx, 4711, org)
		return 0, err
	}
	_, err := users.Do(t.Context(), "secret@example.com", user)
	ring := ringOf(t, err)
	hashes := make(map[string]uint64)
	for range 2 {
		e := <-loads
		hashes[e.Name] = e.KeyHash
	}
	u, o := hashes["users"], hashes["orgs"]
	if u == 0 || o == 0 || len(ring.Ring) != 2 ||
		ring.Ring[0] != (onefold.CycleStep{Name: "users", KeyHash: u}) || ring.Ring[1] != (onefold.CycleStep{Name: "orgs", KeyHash: o}) {
		t.Errorf("the ring is %+v, want users with %x and orgs with %x", ring.Ring, u, o)
	}
	if want := fmt.Sprintf("onefold: load would wait for itself: users key %016x -> orgs key %016x -> users key %016x", u, o, u); err.Error() != want {
		t.Errorf("the error is\n%v, want\n%s", err, want)
	}
	for _, key := range []string{"secret", "4711"} {
		if text := fmt.Sprintf("%v %+v %#v", err, ring, ring.Ring); strings.Contains(text, key) {
			t.Errorf("the error tells the key: %s", text)
		}
	}
}

// SPEC: G28, S07
func TestRingShowsKeysWhereTheyMayBeSeen(t *testing.T) {
	g := onefold.Group[onefold.Scoped[string, int], int]{Config: onefold.Config{Name: "invoices", ShowKeys: true}}
	var load func(context.Context, onefold.Scoped[string, int]) (int, error)
	load = func(ctx context.Context, key onefold.Scoped[string, int]) (int, error) { return g.Do(ctx, key, load) }
	_, err := g.Do(t.Context(), onefold.In("north", 7), load)
	if want := "onefold: load would wait for itself: invoices key {north 7} -> invoices key {north 7}"; err == nil || err.Error() != want {
		t.Errorf("the error is\n%v, want\n%s", err, want)
	}
}

// Whatever can be a part of a ring has a name in it, its own or its type's, and
// the error is of one type wherever the ring was closed.
//
// SPEC: G30
func TestRingThroughEverythingThatLoads(t *testing.T) {
	for _, named := range []bool{true, false} {
		name := func(s string) string {
			if named {
				return s
			}
			return ""
		}
		var (
			group = onefold.Group[string, int]{Config: onefold.Config{Name: name("a group")}}
			table = memo.Table[string, int]{Name: name("a table")}
			one   *future.Future[int]
			cache *tier.Cache[string, int]
			inner func(context.Context, string) (int, error)
		)
		cache, err := tier.New(func(ctx context.Context, _ string) (int, error) { return one.Get(ctx) },
			tier.Config{Name: name("a cache")}, mem.New[string, int](mem.Config{}))
		if err != nil {
			t.Fatal(err)
		}
		inner = func(ctx context.Context, _ string) (int, error) { return cache.Get(ctx, "cached") }
		one = future.New(func(ctx context.Context) (int, error) {
			return table.Get(memo.With(ctx, memo.Config{}), "memoized", func(ctx context.Context, _ string) (int, error) {
				return group.Do(ctx, "grouped", inner)
			})
		}, future.Config{Name: name("a future")})

		_, err = one.Get(t.Context())
		ring := ringOf(t, err)
		want := []string{"future.Future[int]", "memo.Table[string,int]", "onefold.Group[string,int]", "tier.Cache[string,int]"}
		if named {
			want = []string{"a future", "a table", "a group", "a cache"}
		}
		if len(ring.Ring) != len(want) {
			t.Fatalf("the ring is %v, want %v", err, want)
		}
		for i, step := range ring.Ring {
			if step.Name != want[i] || (step.KeyHash == 0) != (i == 0) || step.Key != "" {
				t.Errorf("step %d of the ring is %+v, want %s", i, step, want[i])
			}
		}
	}
}

// A ring of two hundred loads has an error of as many steps, and a text that
// fits on a screen.
func TestTextOfALongRingIsShort(t *testing.T) {
	g := onefold.Group[int, int]{Config: onefold.Config{Name: "links", ShowKeys: true}}
	var load func(context.Context, int) (int, error)
	load = func(ctx context.Context, i int) (int, error) { return g.Do(ctx, (i+1)%200, load) }
	_, err := g.Do(t.Context(), 0, load)
	ring := ringOf(t, err)
	if len(ring.Ring) != 200 || ring.Ring[199].Key != "199" {
		t.Errorf("the ring has %d steps, want 200", len(ring.Ring))
	}
	if text := err.Error(); !strings.HasSuffix(text, "-> links key 14 -> 185 more -> links key 0") {
		t.Errorf("the text is %s", text)
	}
}

// A load starts a goroutine that asks for the load's own key, and does not wait
// for it. With the load's context this counts as a part of the load, and so as
// a ring. Detached it is a caller like any other, and so joins.
//
// SPEC: G28
func TestDetachedGoroutineClosesNoRing(t *testing.T) {
	for name, c := range map[string]struct {
		detach func(context.Context) context.Context
		ring   bool
	}{
		"the load's context": {func(ctx context.Context) context.Context { return ctx }, true},
		"WithoutCancel":      {context.WithoutCancel, true},
		"Detach":             {onefold.Detach, false},
		"derived from Detach": {func(ctx context.Context) context.Context {
			ctx, cancel := context.WithTimeout(context.WithValue(onefold.Detach(ctx), opKey{}, 1), time.Hour)
			context.AfterFunc(ctx, cancel)
			return ctx
		}, false},
		"Detach of derived": {func(ctx context.Context) context.Context {
			ctx, cancel := context.WithTimeout(ctx, time.Hour)
			defer cancel()
			return onefold.Detach(ctx)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			tell(t, onefold.Config{}, func(s *story) {
				aside := make(chan answer, 1)
				load := func(ctx context.Context, key string) (int, error) {
					own := c.detach(ctx)
					go func() {
						v, err := s.ask(own, &s.group, key, s.load)
						aside <- answer{v, err, s.age()}
					}()
					return s.load(ctx, key)
				}
				s.wants("caller", s.call(s.ctx, "k", load), answer{value: 1, at: time.Second})
				want := answer{value: 1, at: time.Second}
				if c.ring {
					want = answer{err: onefold.ErrCycle}
				}
				s.wants("goroutine", aside, want)
			})
		})
	}
}

// A detached goroutine has the load's values, and goes on when the load is
// cancelled and when it has returned.
func TestDetachKeepsValuesAndEndsWithNothing(t *testing.T) {
	type name struct{}
	synctest.Test(t, func(t *testing.T) {
		var g onefold.Group[string, int]
		caller, leave := context.WithCancel(context.WithValue(t.Context(), name{}, "ada"))
		aside := make(chan context.Context, 1)
		go func() {
			_, _ = g.Do(caller, "k", func(ctx context.Context, _ string) (int, error) {
				ctx, cancel := context.WithTimeout(ctx, time.Minute)
				defer cancel()
				aside <- onefold.Detach(ctx)
				<-ctx.Done()
				return 0, ctx.Err()
			})
		}()
		ctx := <-aside
		derived, cancel := context.WithCancel(ctx)
		defer cancel()
		leave() // nobody waits: the load's context ends
		time.Sleep(time.Hour)
		if _, ok := ctx.Deadline(); ok || ctx.Done() != nil || ctx.Err() != nil || derived.Err() != nil || context.Cause(derived) != nil {
			t.Errorf("the detached context is %v, what is derived from it %v; want neither to end", ctx.Err(), derived.Err())
		}
		if v := derived.Value(name{}); v != "ada" {
			t.Errorf("the detached context has %v, want ada", v)
		}
	})
	var none context.Context
	if p := panicOf(func() { onefold.Detach(none) }); p != "onefold: nil context" {
		t.Errorf("Detach of nil panicked with %v, want onefold: nil context", p)
	}
}
