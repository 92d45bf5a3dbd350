package onefold_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold"
)

// SPEC: G01
func TestLoneCall(t *testing.T) {
	tell(t, onefold.Config{}, func(s *story) {
		s.wants("caller", s.call(s.ctx, "k", s.load), answer{value: 1, at: time.Second})

		r := <-s.group.DoChan(s.ctx, "k", s.load)
		if want := (onefold.Result[int]{Value: 2, Outcome: onefold.Led, Callers: 1}); r != want {
			s.Errorf("DoChan gave %+v, want %+v", r, want)
		}
	})
}

// SPEC: G02
func TestErrorReachesEveryCaller(t *testing.T) {
	tell(t, onefold.Config{}, func(s *story) {
		failure := errors.New("out of paper")
		fails := func(ctx context.Context, key string) (int, error) {
			n, _ := s.load(ctx, key)
			return n, failure
		}
		for i, c := range []caller{s.call(s.ctx, "k", fails), s.call(s.ctx, "k", fails), s.call(s.ctx, "k", fails)} {
			got := <-c
			if got.err != failure || got.value != 1 {
				s.Errorf("caller %d got %d, %v; want 1 and the very error %v", i, got.value, got.err, failure)
			}
		}
		s.wantsLoads(1)
	})
}

// SPEC: G03, G04
func TestCallersShareOneLoad(t *testing.T) {
	tell(t, onefold.Config{}, func(s *story) {
		var callers []caller
		for range 5 { // one comes each 200 ms, the last just before the load ends
			callers = append(callers, s.call(s.ctx, "k", s.load), s.call(s.cancelledAt(time.Hour), "k", s.load))
			time.Sleep(199 * ms)
		}
		for i, c := range callers {
			s.wants(fmt.Sprint("caller ", i), c, answer{value: 1, at: time.Second})
		}
		s.wantsLoads(1)
	})
}

// There are fewer locks than keys here: a slow load that held one would stop
// some of the others.
//
// SPEC: G05
func TestSlowKeyDelaysNoOther(t *testing.T) {
	tell(t, onefold.Config{}, func(s *story) {
		slow := s.call(s.ctx, "slow", func(context.Context, string) (int, error) {
			time.Sleep(time.Hour)
			return 0, nil
		})
		for i := range 1000 {
			at := s.age()
			quick := func(context.Context, string) (int, error) { return i, nil }
			s.wants("another key's caller", s.call(s.ctx, fmt.Sprint(i), quick), answer{value: i, at: at})
		}
		s.wants("the slow key's caller", slow, answer{at: time.Hour})
	})
}

// SPEC: G06
func TestGroupIsNoCache(t *testing.T) {
	tell(t, onefold.Config{}, func(s *story) {
		s.wants("first", s.call(s.ctx, "k", s.load), answer{value: 1, at: time.Second})
		s.wants("second", s.call(s.ctx, "k", s.load), answer{value: 2, at: 2 * time.Second})
	})
}

// SPEC: G07
func TestOutcomeTellsLeaderFromJoiner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &story{T: t, ctx: t.Context(), start: time.Now()}
		leader := s.group.DoChan(t.Context(), "k", s.load)
		joiner := s.group.DoChan(t.Context(), "k", s.load)
		leaver := s.group.DoChan(s.deadlineAt(500*ms), "k", s.load)

		shared := onefold.Result[int]{Value: 1, Outcome: onefold.Led, Callers: 2}
		if got := <-leader; got != shared {
			t.Errorf("leader got %+v, want %+v", got, shared)
		}
		shared.Outcome = onefold.Joined
		if got := <-joiner; got != shared {
			t.Errorf("joiner got %+v, want %+v", got, shared)
		}
		want := onefold.Result[int]{Err: context.DeadlineExceeded, Outcome: onefold.Failed}
		if got := <-leaver; got != want {
			t.Errorf("caller that left got %+v, want %+v", got, want)
		}
	})
}

// SPEC: G07
func TestFailureIsSharedToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g onefold.Group[string, int]
		failure := errors.New("out of paper")
		load := func(context.Context, string) (int, error) {
			time.Sleep(time.Second)
			return 0, failure
		}
		leader, joiner := g.DoChan(t.Context(), "k", load), g.DoChan(t.Context(), "k", load)
		want := onefold.Result[int]{Err: failure, Outcome: onefold.Failed, Callers: 2}
		if got := <-leader; got != want {
			t.Errorf("leader got %+v, want %+v", got, want)
		}
		if got := <-joiner; got != want {
			t.Errorf("joiner got %+v, want %+v", got, want)
		}
	})
}

func TestOutcomeStrings(t *testing.T) {
	for outcome, want := range map[onefold.Outcome]string{
		onefold.Failed: "failed", onefold.Led: "led", onefold.Joined: "joined", onefold.Hit: "hit", 99: "unknown",
	} {
		if got := outcome.String(); got != want {
			t.Errorf("Outcome(%d).String() = %q, want %q", outcome, got, want)
		}
	}
}

// SPEC: G34
func TestScopesIsolate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key = onefold.Scoped[string, string]
		var g onefold.Group[key, key]
		load := func(_ context.Context, k key) (key, error) {
			time.Sleep(time.Second)
			return k, nil
		}
		results := make(map[key]<-chan onefold.Result[key])
		for _, k := range []key{
			onefold.In("ada", "invoice"), onefold.In("bob", "invoice"), onefold.In("", "invoice"),
			onefold.In("a", "bc"), onefold.In("ab", "c"), onefold.In("a b", "c"), onefold.In("a", "b c"),
		} {
			results[k] = g.DoChan(t.Context(), k, load)
		}
		for k, result := range results {
			if r := <-result; r.Value != k || r.Err != nil || r.Callers != 1 {
				t.Errorf("%q got %+v, want its own load", k, r)
			}
		}
	})
}

type person string

// SPEC: G37
func TestLoadSeesItsLeadersValues(t *testing.T) {
	tell(t, onefold.Config{}, func(s *story) {
		type name struct{}
		seen := make(chan any, 1)
		load := func(ctx context.Context, key string) (int, error) {
			defer func() { seen <- ctx.Value(name{}) }() // also after the leader has left
			return s.load(ctx, key)
		}
		leader := s.call(context.WithValue(s.cancelledAt(500*ms), name{}, person("ada")), "k", load)
		joiner := s.call(context.WithValue(s.ctx, name{}, person("bob")), "k", load)
		s.wants("leader", leader, answer{err: context.Canceled, at: 500 * ms})
		s.wants("joiner", joiner, answer{value: 1, at: time.Second})
		if got := <-seen; got != person("ada") {
			s.Errorf("the load saw %v, want the leader's ada", got)
		}
	})
}

// SPEC: G38
func TestTenThousandCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			g     onefold.Group[string, int]
			loads atomic.Int64
			right atomic.Int64
		)
		load := func(context.Context, string) (int, error) {
			time.Sleep(time.Second)
			return int(loads.Add(1)), nil
		}
		for i := range 10_000 {
			ctx := t.Context()
			if i%2 == 0 {
				ctx = context.Background()
			}
			go func() {
				if v, err := g.Do(ctx, "k", load); v == 1 && err == nil {
					right.Add(1)
				}
			}()
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if right.Load() != 10_000 || loads.Load() != 1 {
			t.Errorf("%d callers got the value of %d loads, want 10000 and 1", right.Load(), loads.Load())
		}
	})
}
