package detached_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/internal/detached"
)

// The values of a leader that its load sees: with a Carry, and under
// Background, none but those that are handed to it.
//
// SPEC: G37, S01
func TestValuesThatALoadSees(t *testing.T) {
	type secret struct{}
	type trace struct{}
	ctx := context.WithValue(context.WithValue(t.Context(), secret{}, "s"), trace{}, "t")
	carry := func(load, caller context.Context) context.Context {
		return context.WithValue(load, trace{}, caller.Value(trace{}))
	}
	for want, p := range map[string]detached.Policy[string, int]{
		"s t":         {},
		"<nil> <nil>": {Context: detached.Background},
		"<nil> t":     {Carry: carry},
	} {
		var tab table
		tab.Init(p)
		see := func(ctx context.Context) {
			if got := fmt.Sprint(ctx.Value(secret{}), " ", ctx.Value(trace{})); got != want {
				t.Errorf("a load sees %s, want %s", got, want)
			}
		}
		tab.Do(ctx, "k", func(ctx context.Context, _ string) (int, error) { see(ctx); return 1, nil })
		tab.DoMany(ctx, []string{"l", "m"}, does(func(ctx context.Context, keys []string, settle settle) {
			see(ctx)
			for i := range keys {
				settle(i, 1, nil)
			}
		}), detached.Wish{})
	}
}

// Loads that wait for their turn have it in the order in which they came.
func TestTurnsComeInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{MaxLoads: 1, QueueWait: time.Hour, Limited: func(string, int) error { return errFull }})
		order := ""
		var calls []detached.Call[string, int]
		for _, key := range []string{"a", "b", "c", "d"} {
			calls = append(calls, tab.Start(t.Context(), key, func(context.Context, string) (int, error) {
				order += key
				time.Sleep(time.Second)
				return 1, nil
			}))
			synctest.Wait()
		}
		for i := range calls {
			calls[i].Wait(t.Context())
		}
		if order != "abcd" {
			t.Errorf("the loads ran as %s, want abcd", order)
		}
	})
}

// A load that is just as old as JoinWithin is joined; beyond that there is one
// more, and no third, whoever comes.
//
// SPEC: F10
func TestJoinWithinAndItsEdge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{JoinWithin: time.Second})
		var loads atomic.Int64
		slow := func(context.Context, string) (int, error) {
			n := int(loads.Add(1))
			time.Sleep(time.Minute)
			return n, nil
		}
		first := tab.Start(t.Context(), "k", slow)
		time.Sleep(time.Second)
		atTheEdge := tab.Start(t.Context(), "k", slow)
		time.Sleep(1)
		second := tab.Start(t.Context(), "k", slow)
		time.Sleep(2 * time.Second)
		late := tab.Start(t.Context(), "k", slow)
		for who, call := range map[string]*detached.Call[string, int]{"first": &first, "at the edge": &atTheEdge, "second": &second, "late": &late} {
			want, role := 1, detached.Joined // the first is the first that does well
			if who == "second" || who == "late" {
				want = 2
			}
			if who == "first" || who == "second" {
				role = detached.Led
			}
			if o := call.Wait(t.Context()); o.Value != want || o.Role != role {
				t.Errorf("%s got %+v, want %d, in role %d", who, o, want, role)
			}
		}
		if n := loads.Load(); n != 2 {
			t.Errorf("%d loads, want 2", n)
		}
	})
}

// A newer load that fails leaves the older one to its callers.
//
// SPEC: F10
func TestNewerLoadThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{JoinWithin: time.Second})
		older := tab.Start(t.Context(), "k", func(context.Context, string) (int, error) {
			time.Sleep(time.Minute)
			return 1, nil
		})
		time.Sleep(2 * time.Second)
		failure := errors.New("down")
		newer := tab.Start(t.Context(), "k", func(context.Context, string) (int, error) { return 0, failure })
		if o := newer.Wait(t.Context()); o.Err != failure {
			t.Errorf("the newer load came to %+v, want its error", o)
		}
		if o := older.Wait(t.Context()); o.Value != 1 || o.Err != nil {
			t.Errorf("the older one came to %+v, want 1", o)
		}
	})
}

// A load that began at the very time that a call names is new enough.
//
// SPEC: F06
func TestNotBeforeTheVeryTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{Loaded: func(detached.Load[int]) {}}) // flights note when they begin
		time.Sleep(time.Second)
		began := time.Now()
		leader := tab.Start(t.Context(), "k", gives(1))
		if o := tab.DoWish(t.Context(), "k", gives(2), detached.Wish{NotBefore: began}); o.Value != 1 || o.Role != detached.Joined {
			t.Errorf("a call for what began from then on got %+v, want to join 1", o)
		}
		leader.Wait(t.Context())
	})
}

// A budget is kept by a leader whose context has no end: it does not run its
// load itself.
//
// SPEC: F03
func TestBudgetOfALeaderWithoutAnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{})
		for name, do := range map[string]func(context.Context, string, func(context.Context, string) (int, error), detached.Wish) detached.Outcome[int]{
			"DoWish": tab.DoWish, "Solo": tab.Solo,
		} {
			start := time.Now()
			o := do(context.Background(), "k", gives(1), detached.Wish{Budget: time.Second / 2})
			if took := time.Since(start); o.Err != detached.ErrBudget || took != time.Second/2 {
				t.Errorf("%s = %+v after %v, want ErrBudget after half a second", name, o, took)
			}
			time.Sleep(time.Minute)
		}
	})
}

// A load's limit is told in one way, whoever notices it first; an error that
// looks like it, from before, is the load's own.
//
// SPEC: N15, G31
func TestLimitInWhoseWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{Timeout: time.Second})
		wrapped := fmt.Errorf("query: %w", context.DeadlineExceeded)
		early := tab.Start(t.Context(), "early", func(context.Context, string) (int, error) { return 0, wrapped })
		if o := early.Wait(t.Context()); o.Err != wrapped {
			t.Errorf("a load's own error came as %v, want %v", o.Err, wrapped)
		}
		for range 20 { // at the limit the timer and the load are at the same time
			late := tab.Start(t.Context(), "late", func(ctx context.Context, _ string) (int, error) {
				time.Sleep(time.Second)
				return 0, wrapped
			})
			if o := late.Wait(t.Context()); o.Err != detached.ErrLoadTimeout {
				t.Errorf("a load that ran into its limit came to %v, want ErrLoadTimeout", o.Err)
			}
		}
	})
}

// Whoever has an answer of a load of many finds its turn free, however long the
// answers for other keys take.
func TestTurnIsFreeOnceThereIsAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{MaxLoads: 1, Limited: func(string, int) error { return errFull }})
		slow := &many{Load: func(context.Context, []string, settle) func(int) (int, error) {
			return func(i int) (int, error) {
				time.Sleep(time.Duration(i) * time.Second)
				return i, nil
			}
		}}
		go tab.DoMany(t.Context(), []string{"a", "b"}, slow, detached.Wish{})
		synctest.Wait()
		if o := tab.Do(t.Context(), "a", gives(9)); o.Value != 0 || o.Role != detached.Joined {
			t.Errorf("the joiner got %+v, want to join 0", o)
		}
		if o := tab.Do(t.Context(), "c", gives(1)); o.Value != 1 || o.Err != nil {
			t.Errorf("the next call got %+v, want 1", o)
		}
		for what, end := range map[string]func(){"panic": func() { panic("jam") }, "exit": runtime.Goexit} {
			tab.DoMany(t.Context(), []string{"a", "b"}, does(func(context.Context, []string, settle) { end() }), detached.Wish{})
			if o := tab.Do(t.Context(), "c", gives(1)); o.Value != 1 || o.Err != nil {
				t.Errorf("after the %s of a load of many, a call got %+v, want 1", what, o)
			}
		}
	})
}

// With the leader's context, each key of its load that somebody else waits for is
// loaded anew when that ends, also where the load does not hear of it.
//
// SPEC: N17
func TestEachKeyOfALeaderWhoLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{Context: detached.Whole})
		ctx, cancel := context.WithCancel(t.Context())
		deaf := does(func(_ context.Context, keys []string, settle settle) {
			time.Sleep(time.Minute)
			settleAll(1, keys, settle)
		})
		leader := tab.StartMany(ctx, []string{"a", "b", "c"}, deaf, detached.Wish{})
		var joiners []detached.Call[string, int]
		for _, key := range []string{"a", "b", "c"} {
			joiners = append(joiners, tab.Start(t.Context(), key, gives(2)))
		}
		synctest.Wait()
		cancel()
		leader.Wait(ctx)
		start := time.Now()
		for i := range joiners {
			if o := joiners[i].Wait(t.Context()); o.Value != 2 || o.Err != nil || !o.Again {
				t.Errorf("joiner %d got %+v, want 2 from a load of its own", i, o)
			}
		}
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("they took %v, want a second each", took)
		}
		time.Sleep(2 * time.Minute)
	})
}
