package batch_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/batch"
)

type loadFunc = func(context.Context, []int) (map[int]int, error)

// loader makes a Loader, which a faulty cfg fails.
func loader(t *testing.T, load loadFunc, cfg batch.Config) *batch.Loader[int, int] {
	t.Helper()
	l, err := batch.NewLoader(load, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// tens takes a second and gives ten times each key.
func tens(_ context.Context, keys []int) (map[int]int, error) {
	time.Sleep(time.Second)
	values := make(map[int]int)
	for _, key := range keys {
		values[key] = 10 * key
	}
	return values, nil
}

// asks keeps what loads were asked for.
type asks struct {
	mu   sync.Mutex
	seen []string // guarded by mu
}

// tens is the load of that name.
func (a *asks) tens(ctx context.Context, keys []int) (map[int]int, error) {
	a.mu.Lock()
	a.seen = append(a.seen, fmt.Sprint(keys))
	a.mu.Unlock()
	return tens(ctx, keys)
}

func (a *asks) wants(t *testing.T, want string) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if got := strings.Join(a.seen, " "); got != want {
		t.Errorf("loads were asked for %s, want %s", got, want)
	}
}

// words writes results as words: a value, or the last word of an error.
func words(results []onefold.Result[int]) string {
	var b strings.Builder
	for _, r := range results {
		b.WriteByte(' ')
		var p *onefold.PanicError
		switch {
		case errors.As(r.Err, &p):
			fmt.Fprint(&b, "panic:", p.Value)
		case r.Err != nil:
			b.WriteString(r.Err.Error()[strings.LastIndexAny(r.Err.Error(), " :\n")+1:])
		default:
			fmt.Fprint(&b, r.Value)
		}
	}
	return strings.TrimPrefix(b.String(), " ")
}

func wants(t *testing.T, who string, got []onefold.Result[int], want string) {
	t.Helper()
	if s := words(got); s != want {
		t.Errorf("%s got %q, want %q", who, s, want)
	}
}

// Keys that somebody loads, alone or among others, are joined.
//
// SPEC: B01, N13
func TestLoadManyJoinsWhatIsLoading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked asks
		l := loader(t, asked.tens, batch.Config{})
		var wg sync.WaitGroup
		do := func(f func()) { wg.Go(f); synctest.Wait() }
		do(func() {
			if v, err := l.Load(t.Context(), 1); v != 10 || err != nil {
				t.Errorf("Load(1) = %d, %v", v, err)
			}
		})
		do(func() { wants(t, "the first", l.LoadMany(t.Context(), []int{3, 1, 2}), "30 10 20") })
		do(func() {
			got := l.LoadMany(t.Context(), []int{2, 4, 4})
			wants(t, "the second", got, "20 40 40")
			want := onefold.Result[int]{Value: 20, Outcome: onefold.Joined, Callers: 3, Age: time.Second, Took: time.Second}
			if got[0] != want || got[1].Outcome != onefold.Led || got[2].Outcome != onefold.Joined || got[2].Callers != 2 {
				t.Errorf("the second got %+v, want 2 joined by three, and 4 by itself twice", got)
			}
		})
		do(func() {
			r := l.LoadResult(t.Context(), 2, onefold.Call{})
			if r.Value != 20 || r.Outcome != onefold.Joined || r.Callers != 3 {
				t.Errorf("LoadResult(2) = %+v, want to be the third who shares 20", r)
			}
		})
		wg.Wait()
		asked.wants(t, "[1] [3 2] [4]")
		s := l.Stats()
		if s.Led != 4 || s.Joined != 4 || s.Loads != 3 || s.Loading != 0 || s.Running != 0 {
			t.Errorf("Stats = %+v, want 4 led in 3 loads, 4 joined", s)
		}
		wants(t, "who wants nothing", l.LoadMany(t.Context(), nil), "")
	})
}

// SPEC: N13
func TestEachKeyHasItsOwnError(t *testing.T) {
	down, gone := errors.New("down"), errors.New("gone")
	for name, c := range map[string]struct {
		values map[int]int
		err    error
		want   string
	}{
		"all there":      {values: map[int]int{1: 1, 2: 2, 3: 3, 4: 4}, want: "1 2 3"},
		"one is absent":  {values: map[int]int{1: 1, 3: 0}, want: "1 found 0"},
		"nothing":        {want: "found found found"},
		"key errors":     {values: map[int]int{1: 1, 2: 2}, err: batch.KeyErrors[int]{2: gone, 5: down}, want: "1 gone found"},
		"wrapped":        {values: map[int]int{1: 1}, err: fmt.Errorf("part: %w", batch.KeyErrors[int]{2: gone, 3: down}), want: "1 gone down"},
		"nil in it":      {values: map[int]int{1: 1, 2: 2}, err: batch.KeyErrors[int]{1: nil, 2: nil}, want: "1 2 found"},
		"empty":          {values: map[int]int{1: 1}, err: batch.KeyErrors[int]{}, want: "1 found found"},
		"all fail":       {values: map[int]int{1: 1}, err: down, want: "down down down"},
		"joined errors":  {values: map[int]int{1: 1}, err: errors.Join(batch.KeyErrors[int]{2: gone}, down), want: "down down down"},
		"other key type": {values: map[int]int{1: 1}, err: batch.KeyErrors[string]{"2": gone}, want: "gone gone gone"},
	} {
		t.Run(name, func(t *testing.T) {
			l := loader(t, func(context.Context, []int) (map[int]int, error) { return c.values, c.err }, batch.Config{})
			got := l.LoadMany(t.Context(), []int{1, 2, 3})
			wants(t, "LoadMany", got, c.want)
			for i, r := range got {
				if errors.Is(r.Err, onefold.ErrNotFound) != (strings.Fields(c.want)[i] == "found") {
					t.Errorf("key %d has %v, not-found is to be ErrNotFound", i+1, r.Err)
				}
				v, err := l.Load(t.Context(), i+1)
				if r := (onefold.Result[int]{Value: v, Err: err}); words([]onefold.Result[int]{r}) != strings.Fields(c.want)[i] {
					t.Errorf("Load(%d) = %d, %v; want %s", i+1, v, err, strings.Fields(c.want)[i])
				}
			}
		})
	}
}

// What a load gave beside the error of a key comes with it, as it does from a
// load of one key.
func TestValueBesideAnError(t *testing.T) {
	gone := errors.New("gone")
	l := loader(t, func(context.Context, []int) (map[int]int, error) {
		return map[int]int{1: 10, 2: 20}, batch.KeyErrors[int]{2: gone}
	}, batch.Config{})
	if r := l.LoadMany(t.Context(), []int{1, 2})[1]; r.Value != 20 || r.Err != gone {
		t.Errorf("LoadMany gives %d, %v; want 20, gone", r.Value, r.Err)
	}
	if v, err := l.Load(t.Context(), 2); v != 20 || err != gone {
		t.Errorf("Load = %d, %v; want 20, gone", v, err)
	}
}

// A load may do what it likes with its keys.
//
// SPEC: N13
func TestKeysAreTheLoads(t *testing.T) {
	l := loader(t, func(_ context.Context, keys []int) (map[int]int, error) {
		values := make(map[int]int)
		for i, key := range keys {
			values[key] = 10 * key
			keys[i] = 0
		}
		return values, nil
	}, batch.Config{})
	wants(t, "LoadMany", l.LoadMany(t.Context(), []int{3, 1, 2}), "30 10 20")
}

// The zero MaxKeys is DefaultMaxKeys.
func TestZeroMaxKeys(t *testing.T) {
	var mu sync.Mutex
	var sizes []int
	l := loader(t, func(_ context.Context, keys []int) (map[int]int, error) {
		mu.Lock()
		defer mu.Unlock()
		sizes = append(sizes, len(keys))
		return nil, nil
	}, batch.Config{})
	l.LoadMany(t.Context(), slices.Collect(func(yield func(int) bool) {
		for key := range batch.DefaultMaxKeys + 1 {
			yield(key)
		}
	}))
	slices.Sort(sizes)
	if !slices.Equal(sizes, []int{1, batch.DefaultMaxKeys}) {
		t.Errorf("the loads had %d keys, want 1 and %d", sizes, batch.DefaultMaxKeys)
	}
}

func TestKeyErrorsAreErrors(t *testing.T) {
	gone := errors.New("gone")
	for want, e := range map[string]batch.KeyErrors[string]{
		"batch: no key failed":                      {"secret": nil},
		"batch: 1 key failed: gone":                 {"secret": gone, "other": nil},
		"batch: 2 keys failed, one with: exhausted": {"secret": gone, "other": errors.New("exhausted")},
	} {
		if e.Error() != want {
			t.Errorf("Error() = %q, want %q", e.Error(), want)
		}
	}
	if err := error(batch.KeyErrors[string]{"a": nil, "b": gone}); !errors.Is(err, gone) {
		t.Error("errors.Is does not find a key's error")
	}
}

// SPEC: B02, N02
func TestPanicReachesAllKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, onPanic := range []onefold.OnPanic{onefold.Repanic, onefold.ReturnPanic} {
			l := loader(t, func(context.Context, []int) (map[int]int, error) {
				time.Sleep(time.Second)
				panic("jam")
			}, batch.Config{Config: onefold.Config{OnPanic: onPanic}})
			var wg sync.WaitGroup
			wg.Go(func() { wants(t, "LoadMany", l.LoadMany(t.Context(), []int{1, 2}), "panic:jam panic:jam") })
			synctest.Wait()
			for _, key := range []int{2, 3} { // one that is joined, one of its own
				wg.Go(func() {
					defer func() {
						if p, _ := recover().(*onefold.PanicError); (p != nil) != (onPanic == onefold.Repanic) {
							t.Errorf("OnPanic %d: Load(%d) panicked with %v", onPanic, key, p)
						}
					}()
					if _, err := l.Load(t.Context(), key); !errors.As(err, new(*onefold.PanicError)) {
						t.Errorf("Load(%d) returned %v, want the panic", key, err)
					}
				})
			}
			wg.Wait()
			synctest.Wait()
			if s := l.Stats(); s.Loading != 0 || s.Running != 0 {
				t.Errorf("Stats = %+v, want nothing left", s)
			}
		}
		exits := loader(t, func(context.Context, []int) (map[int]int, error) { runtime.Goexit(); return nil, nil }, batch.Config{})
		wants(t, "callers of a load that exits", exits.LoadMany(t.Context(), []int{1, 2}), "runtime.Goexit runtime.Goexit")
	})
}

// SPEC: N13, G08, G15
func TestLoadManyReturnsWhenItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan error, 9)
		l := loader(t, func(ctx context.Context, keys []int) (map[int]int, error) {
			values, err := tens(ctx, keys)
			ended <- ctx.Err()
			return values, err
		}, batch.Config{})
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		start := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() {
			wants(t, "who is in a hurry", l.LoadMany(ctx, []int{1, 2}), "exceeded exceeded")
			if took := time.Since(start); took != 500*time.Millisecond {
				t.Errorf("who is in a hurry left after %v, want 500ms", took)
			}
		})
		synctest.Wait()
		wants(t, "who is not", l.LoadMany(t.Context(), []int{2}), "20")
		wg.Wait()
		if err := <-ended; err != nil {
			t.Errorf("the load's context ended with %v, and one waited", err)
		}
		wants(t, "who is over", l.LoadMany(ctx, []int{1, 2}), "exceeded exceeded")

		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		wants(t, "who leaves", l.LoadMany(ctx, []int{1, 2}), "canceled canceled")
		if err := <-ended; err != context.Canceled {
			t.Errorf("the context of a load that nobody waits for ended with %v, want Canceled", err)
		}
		if n := l.Stats().Loads; n != 2 {
			t.Errorf("%d loads, want 2", n)
		}
	})
}

// SPEC: G31, G32
func TestLoadManyWithinLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var most, now atomic.Int32
		slow := func(ctx context.Context, keys []int) (map[int]int, error) {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			if len(keys) > 2 {
				t.Errorf("a load of %d keys, want at most 2", len(keys))
			}
			return tens(ctx, keys)
		}
		start := time.Now()
		l := loader(t, slow, batch.Config{MaxKeys: 2})
		wants(t, "five keys", l.LoadMany(t.Context(), []int{1, 2, 3, 4, 5}), "10 20 30 40 50")
		if n, took := l.Stats().Loads, time.Since(start); n != 3 || most.Load() != 3 || took != time.Second {
			t.Errorf("%d loads, %d at once, after %v; want 3, 3, 1s", n, most.Load(), took)
		}

		l = loader(t, slow, batch.Config{MaxKeys: 2, Config: onefold.Config{Name: "tens", MaxLoads: 1}})
		for range 3 { // whoever has an answer is not in the way of the next
			got := l.LoadMany(t.Context(), []int{1, 2, 3})
			wants(t, "three keys in one load of two", got, "10 20 reached")
			var limit *onefold.LimitError
			if !errors.As(got[2].Err, &limit) || *limit != (onefold.LimitError{Name: "tens", Limit: "MaxLoads", Value: 1}) {
				t.Errorf("the third got %v, want the limit", got[2].Err)
			}
		}

		l = loader(t, slow, batch.Config{Config: onefold.Config{LoadTimeout: 100 * time.Millisecond}})
		wants(t, "who meets the timeout", l.LoadMany(t.Context(), []int{1, 2}), "timeout timeout")
		time.Sleep(time.Second)

		f, err := batch.NewLoader(func(_ context.Context, keys []float64) (map[float64]int, error) {
			return map[float64]int{keys[0]: 7}, nil
		}, batch.Config{})
		if err != nil {
			t.Fatal(err)
		}
		if got := f.LoadMany(t.Context(), []float64{math.NaN(), 1}); got[0].Err != onefold.ErrKey || got[1].Value != 7 {
			t.Errorf("with a NaN: %+v, want ErrKey and 7", got)
		}
	})
}

// SPEC: G26
func TestForgetKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := loader(t, tens, batch.Config{})
		var wg sync.WaitGroup
		wg.Go(func() { wants(t, "who came before", l.LoadMany(t.Context(), []int{1, 2, 3}), "10 20 30") })
		synctest.Wait()
		time.Sleep(500 * time.Millisecond)
		l.Forget(1, 3, 9)
		l.Forget()
		start := time.Now()
		got := l.LoadMany(t.Context(), []int{1, 2, 3})
		wants(t, "who came after", got, "10 20 30")
		if took := time.Since(start); took != time.Second || got[0].Outcome != onefold.Led || got[1].Outcome != onefold.Joined {
			t.Errorf("who came after got %+v after %v, want to lead 1 and 3 and join 2", got, took)
		}
		wg.Wait()
	})
}

// SPEC: F06, F07
func TestBatchKeepsTheRulesOfAGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := errors.New("down")
		var (
			mu    sync.Mutex
			asked []string
		)
		l := loader(t, func(ctx context.Context, keys []int) (map[int]int, error) {
			mu.Lock()
			asked = append(asked, fmt.Sprint(keys))
			first := len(asked) == 1
			mu.Unlock()
			values, _ := tens(ctx, keys)
			if first {
				return values, batch.KeyErrors[int]{1: down, 2: down}
			}
			return values, nil
		}, batch.Config{Config: onefold.Config{RetryFailed: func(err error) bool { return err == down }}})
		var wg sync.WaitGroup
		wg.Go(func() { wants(t, "the leader", l.LoadMany(t.Context(), []int{1, 2, 3}), "down down 30") })
		synctest.Wait()
		got := l.LoadMany(t.Context(), []int{1, 2, 3})
		wants(t, "the joiner", got, "10 20 30")
		if !got[0].Again || !got[1].Again || got[2].Again || strings.Join(asked, " ") != "[1 2 3] [1 2]" {
			t.Errorf("the joiner got %+v by loads of %v, want 1 and 2 again, together", got, asked)
		}
		wg.Wait()

		wg.Go(func() { l.LoadMany(t.Context(), []int{1, 2}) })
		time.Sleep(500 * time.Millisecond)
		r := l.LoadResult(t.Context(), 1, onefold.Call{NotBefore: time.Now()})
		if r.Value != 10 || r.Outcome != onefold.Led {
			t.Errorf("who refuses what began before got %+v, want to lead", r)
		}
		r = l.LoadResult(t.Context(), 1, onefold.Call{Budget: time.Millisecond})
		if !errors.Is(r.Err, onefold.ErrBudget) {
			t.Errorf("who has no patience got %+v, want ErrBudget", r)
		}
		wg.Wait()
		time.Sleep(time.Second)
	})
}

// Hooks are told of each key.
//
// SPEC: F01
func TestHooksAreToldOfEachKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			mu           sync.Mutex
			calls, loads []string
		)
		tell := func(to *[]string) func(onefold.Event) {
			return func(e onefold.Event) {
				mu.Lock()
				defer mu.Unlock()
				*to = append(*to, fmt.Sprint(e.Name, " ", e.Outcome, " ", e.Callers, " ", e.Took))
			}
		}
		l := loader(t, func(ctx context.Context, keys []int) (map[int]int, error) {
			_, _ = tens(ctx, keys)
			return map[int]int{1: 1}, nil
		}, batch.Config{Config: onefold.Config{Name: "n", Hooks: onefold.Hooks{Call: tell(&calls), Load: tell(&loads)}}})
		l.LoadMany(t.Context(), []int{1, 2, 1})
		synctest.Wait()
		if got := strings.Join(calls, ", "); got != "n led 2 1s, n failed 1 1s, n joined 2 1s" {
			t.Errorf("Call was told %s", got)
		}
		if got := strings.Join(loads, ", "); got != "n led 2 1s, n failed 1 1s" {
			t.Errorf("Load was told %s", got)
		}
	})
}

// SPEC: B03
func TestWindowMergesLoads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked asks
		l := loader(t, asked.tens, batch.Config{MaxKeys: 3, Window: 100 * time.Millisecond})
		start := time.Now()
		var wg sync.WaitGroup
		for key := range 5 {
			wg.Go(func() {
				want := 1100 * time.Millisecond
				if key < 3 {
					want = time.Second // these fill a load
				}
				if v, err := l.Load(t.Context(), key); v != 10*key || err != nil || time.Since(start) != want {
					t.Errorf("Load(%d) = %d, %v after %v, want %d after %v", key, v, err, time.Since(start), 10*key, want)
				}
			})
			synctest.Wait()
		}
		wg.Go(func() { // no single key: it waits for nobody, and joins who waits
			got := l.LoadMany(t.Context(), []int{9, 4})
			wants(t, "LoadMany", got, "90 40")
			if got[0].Outcome != onefold.Led || got[1].Outcome != onefold.Joined {
				t.Errorf("LoadMany got %+v, want to lead 9 and to join 4", got)
			}
		})
		wg.Wait()
		asked.wants(t, "[0 1 2] [9] [3 4]")

		// Without a window each call is its own load.
		asked.seen = nil
		l = loader(t, asked.tens, batch.Config{})
		for key := range 2 {
			wg.Go(func() { _, _ = l.Load(t.Context(), key) })
			synctest.Wait() // it runs
		}
		wg.Wait()
		asked.wants(t, "[0] [1]")
	})
}

// SPEC: G28, G30
func TestBatchInARing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l *batch.Loader[int, int]
		l = loader(t, func(ctx context.Context, keys []int) (map[int]int, error) {
			time.Sleep(time.Second)
			if keys[0] >= 100 {
				return map[int]int{keys[0]: 1}, nil
			}
			next := l.LoadMany(ctx, []int{(keys[0] + 1) % 3, 100 + keys[0]})
			if next[1].Value != 1 {
				t.Errorf("in a ring, the free key got %+v, want 1", next[1])
			}
			return map[int]int{keys[0]: next[1].Value}, next[0].Err
		}, batch.Config{MaxKeys: 1})
		got := l.LoadMany(t.Context(), []int{0, 1, 2})
		for i, r := range got {
			if !errors.Is(r.Err, onefold.ErrCycle) {
				t.Errorf("key %d got %+v, want ErrCycle", i, r)
			}
		}
	})
}

// SPEC: N04
func TestMisuse(t *testing.T) {
	l := loader(t, tens, batch.Config{})
	for name, call := range map[string]func(){
		"LoadMany":   func() { l.LoadMany(nil, []int{1}) },            //nolint:staticcheck // the test
		"Load":       func() { _, _ = l.Load(nil, 1) },                //nolint:staticcheck // the test
		"LoadResult": func() { l.LoadResult(nil, 1, onefold.Call{}) }, //nolint:staticcheck // the test
		"Close":      func() { _ = l.Close(nil) },                     //nolint:staticcheck // the test
		"Budget":     func() { l.LoadResult(context.Background(), 1, onefold.Call{Budget: -1}) },
	} {
		func() {
			defer func() {
				if s, _ := recover().(string); !strings.HasPrefix(s, "batch: ") {
					t.Errorf("%s: panicked with %q, want a word of ours", name, s)
				}
			}()
			call()
		}()
	}
	if s := l.Stats(); s.Loads != 0 || s.Loading != 0 {
		t.Errorf("Stats = %+v, want nothing begun", s)
	}
	_, err := batch.NewLoader[int, int](nil, batch.Config{
		Config:  onefold.Config{LoadContext: onefold.FirstCaller, MaxCallers: -1},
		MaxKeys: -2, Window: time.Millisecond,
	})
	for _, want := range []string{"load is nil", "MaxCallers is -1", "MaxKeys is -2", "Window is 1ms with FirstCaller"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("NewLoader: %v, want to name: %s", err, want)
		}
	}
	for _, window := range []time.Duration{-1, batch.MaxWindow + 1} {
		if err := (batch.Config{Window: window}).Validate(); err == nil {
			t.Errorf("a Window of %v is no fault", window)
		}
	}
}
