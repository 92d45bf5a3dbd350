package detached_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/internal/detached"
	"github.com/onefold-go/onefold/internal/flight"
	"github.com/onefold-go/onefold/internal/loadctx"
)

// SPEC: C21, C22
func TestLaunch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(true)
		s.value, s.full = 1, true // a refresh begins while there is a value
		type name struct{}
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), name{}, "ada"))
		cancel()
		refresh := func(ctx context.Context, key string) (int, error) {
			if ctx.Value(name{}) != "ada" || ctx.Err() != nil {
				t.Errorf("the load sees %v and %v, want ada and no end", ctx.Value(name{}), ctx.Err())
			}
			return gives(2)(ctx, key)
		}
		if !s.Launch(ctx, "k", refresh) {
			t.Fatal("Launch started nothing")
		}
		if s.Launch(ctx, "k", refresh) {
			t.Error("a second Launch started something")
		}
		if o := s.Do(t.Context(), "k", gives(3)); o.Value != 1 || o.Role != detached.Hit {
			t.Errorf("a call meanwhile got %+v, want to hit 1", o)
		}
		time.Sleep(2 * time.Second)
		if o := s.Do(t.Context(), "k", gives(3)); o.Value != 2 || o.Role != detached.Hit {
			t.Errorf("a call after it got %+v, want to hit 2", o)
		}
		if sum := s.Sum(); sum.Launched != 1 || sum.Led != 0 || sum.Joined != 0 || sum.Running != 0 {
			t.Errorf("Sum = %+v, want one launched and nothing else", sum)
		}
	})
}

// Callers join what was launched, and leave it as it was: also under policies
// that would cancel it for want of them, or with its leader.
func TestLaunchedIsJoinedAndLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, p := range map[string]detached.Policy[string, int]{
			"values": {CancelAbandoned: true},
			"whole":  {CancelAbandoned: true, Context: detached.Whole},
		} {
			var tab table
			kept := 0
			p.Store = func(_ string, v int) { kept = v }
			tab.Init(p)
			ctx, cancel := context.WithCancel(t.Context())
			tab.Launch(ctx, "k", func(ctx context.Context, key string) (int, error) {
				v, err := gives(7)(ctx, key)
				return v, errors.Join(err, ctx.Err())
			})
			leaver := tab.Start(ctx, "k", gives(8))
			stayer := tab.Start(t.Context(), "k", gives(8))
			cancel()
			if o := leaver.Wait(ctx); o.How != flight.Left {
				t.Errorf("%s: who left got %+v", name, o)
			}
			if o := stayer.Wait(t.Context()); o.Value != 7 || o.Role != detached.Joined || o.Served != 1 {
				t.Errorf("%s: who stayed got %+v, want to join 7, alone", name, o)
			}
			kept = 0
			ctx, cancel = context.WithCancel(t.Context())
			tab.Launch(ctx, "k", gives(9))
			leaver = tab.Start(ctx, "k", gives(8))
			cancel()
			leaver.Wait(ctx)
			time.Sleep(2 * time.Second)
			tab.Detach("k", func() {
				if kept != 9 {
					t.Errorf("%s: %d is kept, want 9: a launched load was cancelled with the last who joined it", name, kept)
				}
			})
		}
	})
}

func TestLaunchIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var full table
		full.Init(detached.Policy[string, int]{MaxLoads: 1, Limited: func(string, int) error { return errFull }})
		full.Start(t.Context(), "other", gives(1))
		if full.Launch(t.Context(), "k", gives(1)) {
			t.Error("Launch started a load beyond MaxLoads")
		}
		time.Sleep(2 * time.Second)
		_ = full.Close(t.Context())
		if full.Launch(t.Context(), "k", gives(1)) {
			t.Error("Launch started a load after Close")
		}
		var floats detached.Table[float64, int]
		floats.Init(detached.Policy[float64, int]{})
		if floats.Launch(t.Context(), math.NaN(), func(context.Context, float64) (int, error) { return 1, nil }) {
			t.Error("Launch started a load of a NaN")
		}
		if sum := full.Sum(); sum.Launched != 0 {
			t.Errorf("%d launched, want 0", sum.Launched)
		}
	})
}

// SPEC: C23
func TestLaunchedLoadThatPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := make(chan detached.Load[int], 2)
		var tab table
		tab.Init(detached.Policy[string, int]{Loaded: func(l detached.Load[int]) { told <- l }})
		tab.Launch(t.Context(), "k", func(context.Context, string) (int, error) { panic("jam") })
		if l := <-told; l.Panic == nil || l.Panic.Value != "jam" || l.Served != 0 {
			t.Errorf("Loaded was told %+v, want the jam, for nobody", l)
		}
		tab.Launch(t.Context(), "k", func(context.Context, string) (int, error) { runtime.Goexit(); return 0, nil })
		if l := <-told; l.Err != detached.ErrGoexit {
			t.Errorf("Loaded was told %+v, want ErrGoexit", l)
		}
		if o := tab.Do(t.Context(), "k", gives(1)); o.Value != 1 {
			t.Errorf("the next call got %+v, want 1", o)
		}
	})
}

// Many are launched together: those that are being loaded, or are not equal to
// themselves, are left out, and nobody's end is theirs.
func TestLaunchMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			tab   table
			mu    sync.Mutex
			calls [][]string
			kept  = make(map[string]int)
		)
		tab.Init(detached.Policy[string, int]{
			CancelAbandoned: true, Context: detached.Whole,
			Store: func(key string, v int) {
				mu.Lock()
				defer mu.Unlock()
				kept[key] = v
			},
		})
		three := does(func(ctx context.Context, keys []string, settle settle) {
			mu.Lock()
			calls = append(calls, keys)
			mu.Unlock()
			settleAll(len(keys), keys, settle)
			if ctx.Value(leader{}) != "ada" {
				t.Errorf("the load sees %v, want ada", ctx.Value(leader{}))
			}
		})
		three.MaxKeys = 3
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), leader{}, "ada"))
		other := tab.Start(t.Context(), "busy", gives(9))
		started := tab.LaunchMany(ctx, []string{"a", "busy", "b", "a", "c", "d"}, three)
		if want := []bool{true, false, true, false, true, true}; !slices.Equal(started, want) {
			t.Errorf("LaunchMany = %v, want %v", started, want)
		}
		joiner := tab.Start(ctx, "b", gives(8))
		stayer := tab.Start(t.Context(), "c", gives(8))
		cancel()
		if o := joiner.Wait(ctx); o.How != flight.Left {
			t.Errorf("who left got %+v", o)
		}
		if o := stayer.Wait(t.Context()); o.Value != 3 || o.Role != detached.Joined || o.Served != 1 {
			t.Errorf("who stayed got %+v, want to join 3, alone", o)
		}
		other.Wait(t.Context())
		time.Sleep(time.Second)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		slices.SortFunc(calls, slices.Compare)
		if got, want := fmt.Sprint(calls), "[[a b c] [d]]"; got != want {
			t.Errorf("loaded %s together, want %s", got, want)
		}
		if got, want := fmt.Sprint(kept), "map[a:3 b:3 busy:9 c:3 d:1]"; got != want {
			t.Errorf("kept %s, want %s", got, want)
		}
		if sum := tab.Sum(); sum.Launched != 4 || sum.Led != 1 || sum.Running != 0 || sum.Flights != 0 {
			t.Errorf("Sum = %+v, want 4 launched and one led, and nothing running", sum)
		}
		if got := tab.LaunchMany(t.Context(), nil, three); len(got) != 0 {
			t.Errorf("LaunchMany of nothing = %v", got)
		}
		var floats detached.Table[float64, int]
		floats.Init(detached.Policy[float64, int]{})
		none := detached.Many[float64, int]{}
		if got := floats.LaunchMany(t.Context(), []float64{math.NaN()}, &none); got[0] {
			t.Error("LaunchMany started a load of a NaN")
		}
	})
}

type leader struct{}

// SPEC: F03
func TestStageOfALoadThatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{Timeout: 10 * time.Second})
		load := func(ctx context.Context, _ string) (int, error) {
			derived, cancel := context.WithCancel(ctx)
			defer cancel()
			for stage := 1; stage <= 3; stage++ {
				loadctx.From(derived).SetStage(stage)
				time.Sleep(4 * time.Second)
			}
			return 1, nil
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		stayer := tab.Start(t.Context(), "k", load)
		if o := tab.Do(ctx, "k", load); o.How != flight.Left || o.Stage != 1 {
			t.Errorf("who left after 1s got %+v, want stage 1", o)
		}
		if o := tab.DoWish(t.Context(), "k", load, detached.Wish{Budget: 5 * time.Second}); o.Err != detached.ErrBudget || o.Stage != 2 {
			t.Errorf("whose budget was over after 6s got %+v, want stage 2", o)
		}
		if o := stayer.Wait(t.Context()); o.Err != detached.ErrLoadTimeout || o.Stage != 3 {
			t.Errorf("who stayed got %+v, want the timeout in stage 3", o)
		}
		time.Sleep(10 * time.Second) // the load is deaf
	})
}

// A call that was answered in vain enters again, counts as one that did, and
// joins nothing from before.
func TestAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{})
		old := tab.Start(t.Context(), "k", gives(1))
		time.Sleep(time.Second / 2)
		o := tab.DoWish(t.Context(), "k", gives(2), detached.Wish{NotBefore: time.Now(), Timed: true, Again: true})
		if o.Value != 2 || o.Role != detached.Led || !o.Again {
			t.Errorf("the call got %+v, want to lead to 2, again", o)
		}
		if sum := tab.Sum(); sum.Again != 1 {
			t.Errorf("Again = %d, want 1", sum.Again)
		}
		old.Wait(t.Context())
	})
}

// Who is slow to take the answer sees how old it is, and how long the load took.
func TestAgeAndTook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{Loaded: func(detached.Load[int]) {}})
		call := tab.Start(t.Context(), "k", gives(1))
		time.Sleep(3 * time.Second)
		if o := call.Wait(t.Context()); o.Age != 3*time.Second || o.Took != time.Second {
			t.Errorf("the caller got %+v, want an age of 3s of what took 1s", o)
		}
	})
}

// One allocation a load, and it is to stay within its size class.
func TestFlightSize(t *testing.T) {
	for what, size := range map[string]uintptr{
		"int keys and values": detached.FlightSize[int, int](),
		"string keys":         detached.FlightSize[string, *int](),
	} {
		if size > 144 {
			t.Errorf("a flight with %s has %d bytes, want at most 144", what, size)
		}
	}
}
