package detached_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/internal/detached"
	"github.com/onefold-go/onefold/internal/flight"
)

type (
	many   = detached.Many[string, int]
	settle = func(i int, v int, err error)
)

var errMissing = errors.New("missing")

// each makes a Many whose load takes a second and gives v for all keys.
func each(v int) *many {
	return &many{Load: func(context.Context, []string, settle) func(int) (int, error) {
		time.Sleep(time.Second)
		return func(int) (int, error) { return v, nil }
	}}
}

// does makes a Many of load, with an error for what it does not settle.
func does(load func(ctx context.Context, keys []string, settle settle)) *many {
	return &many{Load: func(ctx context.Context, keys []string, settle settle) func(int) (int, error) {
		load(ctx, keys, settle)
		return missing
	}}
}

func missing(int) (int, error) { return 0, errMissing }

// settleAll settles all keys to v after a second.
func settleAll(v int, keys []string, settle settle) {
	time.Sleep(time.Second)
	for i := range keys {
		settle(i, v, nil)
	}
}

// wants compares what came of many keys, one word a key: a value, or the end of
// an error's message, after the role's first letter.
func wants(t *testing.T, who string, got []detached.Outcome[int], want string) {
	t.Helper()
	var words []string
	for _, o := range got {
		word := string("-hlj"[o.Role])
		switch p := o.Panic(); {
		case p != nil:
			word += fmt.Sprint("panic:", p.Value)
		case errors.Is(o.Err, detached.ErrCycle):
			word += "itself"
		case o.Err != nil:
			word += o.Err.Error()[strings.LastIndexAny(o.Err.Error(), " :")+1:]
		default:
			word += fmt.Sprint(o.Value)
		}
		words = append(words, word)
	}
	if s := strings.Join(words, " "); s != want {
		t.Errorf("%s got %q, want %q", who, s, want)
	}
}

// A rack keeps the values of many keys, whose shards have a lock each.
type rack struct {
	mu     sync.Mutex
	values map[string]int // guarded by mu
}

func (r *rack) store(key string, v int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.values == nil {
		r.values = make(map[string]int)
	}
	r.values[key] = v
}

// wants compares what is kept, as fmt prints a map.
func (r *rack) wants(t *testing.T, want string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if got := strings.TrimPrefix(fmt.Sprint(r.values), "map"); got != want {
		t.Errorf("stored %s, want %s", got, want)
	}
	clear(r.values)
}

// SPEC: B01
func TestManyKeysInOneLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{Look: func(key string) (int, bool) { return 9, key == "kept" }})
		var asked [][]string
		load := does(func(ctx context.Context, keys []string, settle settle) {
			asked = append(asked, slices.Clone(keys))
			settleAll(2, keys, settle)
		})
		single := tab.Start(t.Context(), "single", gives(1))
		first := tab.StartMany(t.Context(), []string{"x", "single", "kept", "y", "x"}, load, detached.Wish{})
		synctest.Wait()
		second := tab.StartMany(t.Context(), []string{"y", "z"}, load, detached.Wish{})
		joiner := tab.Start(t.Context(), "x", gives(3))
		wants(t, "the first call", first.Wait(t.Context()), "l2 j1 h9 l2 j2")
		wants(t, "the second call", second.Wait(t.Context()), "j2 l2")
		if o := joiner.Wait(t.Context()); o.Value != 2 || o.Served != 3 {
			t.Errorf("the call for x alone got %+v, want 2, shared by 3", o)
		}
		single.Wait(t.Context())
		if got := fmt.Sprint(asked); got != "[[x y] [z]]" {
			t.Errorf("loads were asked for %s, want x and y at once, and z", got)
		}
		synctest.Wait()
		if sum := tab.Sum(); sum.Led != 4 || sum.Joined != 4 || sum.Flights != 0 || sum.Running != 0 {
			t.Errorf("Sum = %+v, want 4 led, 4 joined, none left", sum)
		}
		wants(t, "a call for no key", tab.DoMany(t.Context(), nil, load, detached.Wish{}), "")
	})
}

// Each key is answered as soon as it is known, and whoever leaves keeps what he
// has.
//
// SPEC: N13
func TestManyKeysAreSettledOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stored rack
		var tab table
		tab.Init(detached.Policy[string, int]{Store: stored.store})
		load := does(func(_ context.Context, keys []string, settle settle) {
			for i := range keys {
				time.Sleep(time.Second)
				settle(i, i+1, nil)
				settle(i, 100, errors.New("twice")) // counts no more
			}
		})
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		all := tab.StartMany(t.Context(), []string{"a", "b", "c"}, load, detached.Wish{})
		hasty := tab.StartMany(ctx, []string{"c", "a", "b"}, load, detached.Wish{})
		if o := tab.Do(t.Context(), "a", gives(9)); o.Value != 1 || time.Since(start) != time.Second {
			t.Errorf("the caller of a got %+v after %v, want 1 after 1s", o, time.Since(start))
		}
		stored.wants(t, "[a:1]")
		wants(t, "the hasty caller", hasty.Wait(ctx), "jexceeded j1 jexceeded")
		if took := time.Since(start); took != 1500*time.Millisecond {
			t.Errorf("the hasty caller left after %v, want 1.5s", took)
		}
		wants(t, "the patient caller", all.Wait(t.Context()), "l1 l2 l3")
	})
}

// SPEC: B02
func TestManyKeysWhenTheLoadBreaks(t *testing.T) {
	for end, want := range map[string]string{"panic": "l1 lpanic:jam lpanic:jam", "exit": "l1 lruntime.Goexit lruntime.Goexit", "return": "l1 lmissing lmissing"} {
		synctest.Test(t, func(t *testing.T) {
			var tab table
			tab.Init(detached.Policy[string, int]{})
			load := does(func(_ context.Context, _ []string, settle settle) {
				time.Sleep(time.Second)
				settle(0, 1, nil)
				switch end {
				case "panic":
					panic("jam")
				case "exit":
					runtime.Goexit()
				}
			})
			call := tab.StartMany(t.Context(), []string{"a", "b", "c"}, load, detached.Wish{})
			joiner := tab.StartMany(t.Context(), []string{"c"}, load, detached.Wish{})
			wants(t, "the leader", call.Wait(t.Context()), want)
			wants(t, "the joiner", joiner.Wait(t.Context()), "j"+strings.Fields(want)[2][1:])
			wants(t, "the next caller", tab.DoMany(t.Context(), []string{"b", "c"}, each(7), detached.Wish{}), "l7 l7")
			synctest.Wait()
			if sum := tab.Sum(); sum.Running != 0 || sum.Flights != 0 {
				t.Errorf("Sum = %+v, want nothing left", sum)
			}
		})
	}
}

// Two calls that lead what the other joins: each begins its load first.
func TestManyKeysInOppositeOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{})
		var wg sync.WaitGroup
		for i := range 50 {
			keys := []string{"a", "b", "c", "d"}
			rand.New(rand.NewPCG(uint64(i), 1)).Shuffle(4, func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
			wg.Go(func() {
				for _, o := range tab.DoMany(t.Context(), keys[:3], each(1), detached.Wish{}) {
					if o.Value != 1 || o.Err != nil {
						t.Errorf("a call got %+v, want 1", o)
					}
				}
			})
		}
		wg.Wait()
	})
}

// SPEC: G28, G30
func TestManyKeysInARing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{})
		// The load of a and b asks for one of its own.
		own := does(func(ctx context.Context, keys []string, settle settle) {
			settle(0, 1, nil)
			if o := tab.Do(ctx, "b", gives(2)); !errors.Is(o.Err, detached.ErrCycle) || o.Role != detached.None {
				t.Errorf("the load got %+v for its own key, want ErrCycle", o)
			}
			if o := tab.Do(ctx, "a", gives(2)); o.Value != 2 {
				t.Errorf("the load got %+v for what it has settled, want 2", o)
			}
			wants(t, "the load that asks for many", tab.DoMany(ctx, []string{"x", "b", "y"}, each(3), detached.Wish{}), "l3 -itself l3")
			settle(1, 4, nil)
		})
		wants(t, "the caller", tab.DoMany(t.Context(), []string{"a", "b"}, own, detached.Wish{}), "l1 l4")

		// Three loads in a ring: of many, of one, of many.
		asks := func(key string) *many {
			return does(func(ctx context.Context, keys []string, settle settle) {
				time.Sleep(time.Second)
				o := tab.Do(ctx, key, gives(5))
				for i := range keys {
					settle(i, o.Value, o.Err)
				}
			})
		}
		first := tab.StartMany(t.Context(), []string{"1a", "1b"}, asks("2"), detached.Wish{})
		second := tab.Start(t.Context(), "2", func(ctx context.Context, _ string) (int, error) {
			time.Sleep(time.Second)
			o := tab.DoMany(ctx, []string{"free", "3b"}, each(5), detached.Wish{})
			return o[1].Value, o[1].Err
		})
		third := tab.StartMany(t.Context(), []string{"3a", "3b"}, asks("1b"), detached.Wish{})
		for who, o := range map[string]detached.Outcome[int]{"first": first.Wait(t.Context())[0], "second": second.Wait(t.Context()), "third": third.Wait(t.Context())[1]} {
			if !errors.Is(o.Err, detached.ErrCycle) {
				t.Errorf("the %s got %+v, want ErrCycle", who, o)
			}
		}
		// A ring of two within one table that is none: b waits for a's answer.
		wants(t, "no ring", tab.DoMany(t.Context(), []string{"a"}, asks("b"), detached.Wish{}), "l5")
	})
}

// SPEC: G31
func TestManyKeysTimeOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{Timeout: 2 * time.Second})
		ended := make(chan error, 1)
		load := does(func(ctx context.Context, _ []string, settle settle) {
			settle(1, 1, nil)
			time.Sleep(5 * time.Second)
			ended <- ctx.Err()
			settle(0, 7, nil)
		})
		start := time.Now()
		wants(t, "the caller", tab.DoMany(t.Context(), []string{"a", "b", "c"}, load, detached.Wish{}), "ltimeout l1 ltimeout")
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("the caller waited %v, want 2s", took)
		}
		if err := <-ended; err != context.DeadlineExceeded {
			t.Errorf("the load's context ended with %v, want DeadlineExceeded", err)
		}
		synctest.Wait()
	})
}

// One key without callers leaves the load to the others; without any, its
// context ends, unless loads are to be finished.
//
// SPEC: G11, G12
func TestManyKeysAbandoned(t *testing.T) {
	for _, cancels := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			var stored rack
			var tab table
			tab.Init(detached.Policy[string, int]{CancelAbandoned: cancels, Store: stored.store})
			ended := make(chan error, 1)
			load := does(func(ctx context.Context, keys []string, settle settle) {
				time.Sleep(time.Second)
				settle(slices.Index(keys, "left"), 1, nil)
				time.Sleep(time.Second)
				ended <- ctx.Err()
				settle(slices.Index(keys, "shared"), 2, nil)
			})
			ctx, cancel := context.WithCancel(t.Context())
			leaver := tab.StartMany(ctx, []string{"left", "shared"}, load, detached.Wish{})
			synctest.Wait() // the load has begun
			ctx2, cancel2 := context.WithCancel(t.Context())
			stayer := tab.Start(ctx2, "shared", gives(3))
			cancel()
			wants(t, "who left", leaver.Wait(ctx), "lcanceled lcanceled")
			if cancels {
				if o := tab.Do(t.Context(), "left", gives(8)); o.Value != 8 || o.Role != detached.Led {
					t.Errorf("the next caller of what was left got %+v, want to lead to 8", o)
				}
			}
			if o := stayer.Wait(ctx2); o.Value != 2 {
				t.Errorf("who stayed got %+v, want 2", o)
			}
			if err := <-ended; err != nil {
				t.Errorf("the load's context ended with %v while it was waited for", err)
			}
			synctest.Wait()
			stored.wants(t, map[bool]string{true: "[left:8 shared:2]", false: "[left:1 shared:2]"}[cancels])

			leaver = tab.StartMany(ctx2, []string{"left", "shared"}, load, detached.Wish{})
			synctest.Wait()
			cancel2()
			wants(t, "who left last", leaver.Wait(ctx2), "lcanceled lcanceled")
			if err := <-ended; (err == context.Canceled) != cancels {
				t.Errorf("CancelAbandoned %v: the context of a load that nobody waits for ended with %v", cancels, err)
			}
			synctest.Wait()
		})
	}
}

// A key that is abandoned before its load begins comes to nothing: the older
// load of it goes on for its own callers.
//
// SPEC: B01, G01
func TestManyKeysAbandonedBeforeTheLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab detached.Table[string, int]
		tab.Init(detached.Policy[string, int]{
			CancelAbandoned: true, JoinWithin: time.Second, MaxLoads: 2, QueueWait: time.Hour,
			Limited: func(string, int) error { return errMissing },
		})
		var wg sync.WaitGroup
		defer wg.Wait()
		wg.Go(func() { // has one of two turns until 3 s
			tab.Do(t.Context(), "other", func(context.Context, string) (int, error) {
				time.Sleep(3 * time.Second)
				return 0, nil
			})
		})
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		wg.Go(func() { // older than JoinWithin when the next comes
			o := tab.Do(t.Context(), "a", func(context.Context, string) (int, error) {
				time.Sleep(10 * time.Second)
				return 7, nil
			})
			wants(t, "the older caller", []detached.Outcome[int]{o}, "l7")
		})
		time.Sleep(1500 * time.Millisecond)
		wg.Go(func() {
			wants(t, "the caller who left", tab.DoMany(ctx, []string{"a", "b"}, each(2), detached.Wish{}), "lcanceled lcanceled")
		})
		synctest.Wait()
		wg.Go(func() { wants(t, "the joiner", tab.DoMany(t.Context(), []string{"b"}, each(3), detached.Wish{}), "j2") })
		synctest.Wait()
		cancel()
	})
}

// SPEC: G32, G33, N06
func TestManyKeysMeetLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limited := func(limit string, _ int) error { return errors.New(limit) }
		var tab table
		tab.Init(detached.Policy[string, int]{MaxLoads: 1, MaxCallers: 2, Limited: limited})
		load := each(1)
		load.MaxKeys = 2
		wants(t, "one load of the two", tab.DoMany(t.Context(), []string{"a", "b", "a", "c", "b", "a", "d"}, load, detached.Wish{}),
			"l1 l1 j1 -MaxLoads j1 -MaxCallers -MaxLoads")
		wants(t, "a call after it", tab.DoMany(t.Context(), []string{"c"}, load, detached.Wish{}), "l1")

		var queue table
		queue.Init(detached.Policy[string, int]{MaxLoads: 1, QueueWait: 1500 * time.Millisecond, Limited: limited})
		start := time.Now()
		got := queue.DoMany(t.Context(), []string{"a", "b", "c"}, &many{MaxKeys: 1, Load: load.Load}, detached.Wish{})
		failed := 0
		for _, o := range got {
			if o.Err != nil {
				failed++
			}
		}
		if took := time.Since(start); failed != 1 || took != 2*time.Second {
			t.Errorf("three loads, one after the other and none to wait over 1.5s: %d failed after %v, want 1 after 2s", failed, took)
		}

		var small table
		small.Init(detached.Policy[string, int]{})

		var floats detached.Table[float64, int]
		floats.Init(detached.Policy[float64, int]{})
		o := floats.DoMany(t.Context(), []float64{1, math.NaN(), 2}, &detached.Many[float64, int]{Load: func(_ context.Context, keys []float64, _ settle) func(int) (int, error) {
			return func(i int) (int, error) { return int(keys[i]), nil }
		}}, detached.Wish{})
		if o[0].Value != 1 || o[1].Err != detached.ErrKey || o[2].Value != 2 {
			t.Errorf("with a NaN: %+v, want 1, ErrKey, 2", o)
		}

		_ = tab.Close(t.Context())
		wants(t, "a call after Close", tab.DoMany(t.Context(), []string{"a", "b"}, load, detached.Wish{}), "-closed -closed")
		dead, cancel := context.WithCancel(t.Context())
		cancel()
		wants(t, "a call that is over", small.DoMany(dead, []string{"a", "b"}, load, detached.Wish{}), "-canceled -canceled")
	})
}

// keysOf gives n keys.
func keysOf(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprint("k", i)
	}
	return keys
}

// A limit on all flights is met in the middle of a call: the rest goes on.
func TestManyKeysMeetMaxFlights(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{MaxFlights: 1024, Limited: func(string, int) error { return errFull }})
		got := tab.DoMany(t.Context(), keysOf(4000), each(1), detached.Wish{})
		well := 0
		for _, o := range got {
			switch {
			case o.Err == nil && o.Value == 1:
				well++
			case o.Err != errFull:
				t.Fatalf("a key got %+v, want 1 or the limit", o)
			}
		}
		if well == 0 || well > 1024 {
			t.Errorf("%d keys were loaded, want at most 1024", well)
		}
		if sum := tab.Sum(); sum.Running != 0 || int(sum.TurnedAway) != 4000-well {
			t.Errorf("Sum = %+v with %d loaded", sum, well)
		}
	})
}

// Under Whole the leader takes its load along, and the others load again
// together.
//
// SPEC: N17, G13
func TestManyKeysOfAFirstCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{Context: detached.Whole, CancelAbandoned: true})
		var asked [][]string
		heard := 0
		load := does(func(ctx context.Context, keys []string, settle settle) {
			asked = append(asked, slices.Clone(keys))
			if len(asked) == 1 {
				settle(0, 1, nil)
				<-ctx.Done()
				heard++
				return
			}
			settleAll(2, keys, settle)
		})
		ctx, cancel := context.WithCancel(t.Context())
		leader := tab.StartMany(ctx, []string{"a", "b", "c", "d"}, load, detached.Wish{})
		synctest.Wait() // a is settled
		joiner := tab.StartMany(t.Context(), []string{"d", "a", "b"}, load, detached.Wish{})
		synctest.Wait()
		cancel()
		wants(t, "the leader", leader.Wait(ctx), "l1 lcanceled lcanceled lcanceled")
		got := joiner.Wait(t.Context())
		wants(t, "the joiner", got, "l2 l2 l2")
		if !got[0].Again || !got[2].Again || got[1].Again || fmt.Sprint(asked) != "[[a b c d] [a] [d b]]" || heard != 1 {
			t.Errorf("the joiner got %+v by loads of %v, want d and b again, at once", got, asked)
		}
	})
}

// SPEC: F07, F10
func TestManyKeysUnderPoliciesOfOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stored rack
		var tab table
		tab.Init(detached.Policy[string, int]{
			Succeed:    func(err error) bool { return err == errFull },
			JoinWithin: 10 * time.Second,
			Store:      stored.store,
		})
		ctx := t.Context()
		// A failed key is tried again by a joiner, the other is not.
		fails := does(func(_ context.Context, _ []string, settle settle) {
			time.Sleep(time.Second)
			settle(0, 0, errFull)
			settle(1, 0, errMissing)
		})
		leader := tab.StartMany(ctx, []string{"a", "b"}, fails, detached.Wish{})
		joiner := tab.StartMany(ctx, []string{"a", "b"}, each(2), detached.Wish{})
		wants(t, "the leader", leader.Wait(ctx), "lfull lmissing")
		wants(t, "the joiner", joiner.Wait(ctx), "l2 jmissing")

		// One key is replaced, one detached: the third alone is stored.
		stored.wants(t, "[a:2]")
		old := tab.StartMany(ctx, []string{"replaced", "detached", "kept"}, each(1), detached.Wish{})
		write := tab.Replace(ctx, "replaced", func(context.Context, string) (int, error) { return 5, nil }, nil)
		tab.Detach("detached", nil)
		wants(t, "the caller", old.Wait(ctx), "l1 l1 l1")
		write.Wait(ctx)
		stored.wants(t, "[kept:1 replaced:5]")

		// A key that takes too long is loaded a second time, and that is for all.
		heard := make(chan error, 1)
		slow := does(func(ctx context.Context, _ []string, settle settle) {
			time.Sleep(12 * time.Second)
			settle(1, 1, nil)
			time.Sleep(10 * time.Second)
			heard <- ctx.Err()
		})
		first := tab.StartMany(ctx, []string{"slow", "quick"}, slow, detached.Wish{})
		time.Sleep(11 * time.Second)
		second := tab.StartMany(ctx, []string{"slow"}, each(4), detached.Wish{})
		wants(t, "the second", second.Wait(ctx), "l4")
		wants(t, "the first", first.Wait(ctx), "l4 l1")
		if err := <-heard; err != context.Canceled {
			t.Errorf("a load of nothing that anybody waits for has a context that ended with %v, want Canceled", err)
		}
	})
}

// A key that cannot be hashed is found before anything begins.
func TestManyKeysOneWithoutEquality(t *testing.T) {
	var tab detached.Table[any, int]
	tab.Init(detached.Policy[any, int]{})
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a slice as a key: no panic")
			}
		}()
		tab.DoMany(t.Context(), []any{1, []int{2}}, &detached.Many[any, int]{}, detached.Wish{})
	}()
	if sum := tab.Sum(); sum.Running != 0 || sum.Flights != 0 {
		t.Errorf("Sum = %+v after it, want nothing", sum)
	}
}

// SPEC: N03
func TestCloseWaitsForALoadOfManyKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{})
		load := does(func(ctx context.Context, keys []string, settle settle) {
			for i := range keys {
				settle(i, 1, nil)
			}
			time.Sleep(time.Second) // answered, not returned
		})
		start := time.Now()
		wants(t, "the caller", tab.DoMany(t.Context(), []string{"a", "b"}, load, detached.Wish{}), "l1 l1")
		if err := tab.Close(t.Context()); err != nil || time.Since(start) != time.Second {
			t.Errorf("Close = %v after %v, want nil after 1s", err, time.Since(start))
		}

		var cut table
		cut.Init(detached.Policy[string, int]{})
		heard := make(chan error, 1)
		call := cut.StartMany(t.Context(), []string{"a", "b"}, does(func(ctx context.Context, _ []string, settle settle) {
			settle(0, 1, nil)
			<-ctx.Done()
			heard <- ctx.Err()
		}), detached.Wish{})
		over, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := cut.Close(over); err != context.DeadlineExceeded {
			t.Errorf("Close = %v, want DeadlineExceeded", err)
		}
		wants(t, "the caller of what Close cut", call.Wait(t.Context()), "l1 lclosed")
		if err := <-heard; err != context.Canceled {
			t.Errorf("the load's context ended with %v, want Canceled", err)
		}
		synctest.Wait()
	})
}

// Loaded is told of each key when the load has returned.
func TestLoadedIsToldOfEachKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		var tab table
		tab.Init(detached.Policy[string, int]{Loaded: func(l detached.Load[int]) {
			told = append(told, fmt.Sprint(l.Served, l.Took, l.Err, l.Panic != nil))
		}})
		load := does(func(_ context.Context, _ []string, settle settle) {
			time.Sleep(time.Second)
			settle(0, 1, nil)
			settle(1, 0, errFull)
			time.Sleep(time.Second)
			settle(0, 9, errFull) // counts no more
			panic("jam")
		})
		o := tab.DoMany(t.Context(), []string{"a", "b", "c", "a"}, load, detached.Wish{Budget: time.Hour})
		synctest.Wait()
		if want := []string{"2 1s <nil> false", "1 1s full false", "1 2s onefold: load panicked true"}; !slices.Equal(told, want) {
			t.Errorf("Loaded was told %q, want %q", told, want)
		}
		if o[0].Took != time.Second || o[2].Took != 2*time.Second {
			t.Errorf("the load took %v for a and %v for c, want 1s and 2s", o[0].Took, o[2].Took)
		}
	})
}

// One budget is for all keys.
func TestManyKeysWithABudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{CancelAbandoned: true})
		start := time.Now()
		load := does(func(_ context.Context, _ []string, settle settle) {
			settle(1, 1, nil)
			time.Sleep(time.Hour)
		})
		got := tab.DoMany(t.Context(), []string{"a", "b", "c"}, load, detached.Wish{Budget: time.Second, Again: true})
		wants(t, "the caller", got, "lup l1 lup")
		if took, sum := time.Since(start), tab.Sum(); took != time.Second || sum.Again != 3 {
			t.Errorf("after %v with %+v, want 1s, 3 again", took, sum)
		}
		time.Sleep(time.Hour)
	})
}

// SPEC: G40, G42
func TestConcurrentManyKeys(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	type table = detached.Table[int, int]
	type many = detached.Many[int, int]
	for round := range uint64(20) {
		var tab table
		tab.Init(detached.Policy[int, int]{CancelAbandoned: round%2 == 0, Succeed: func(err error) bool { return err == errFull }})
		var loading [8]atomic.Int32
		load := &many{MaxKeys: 3, Load: func(_ context.Context, keys []int, settle settle) func(int) (int, error) {
			left := keys
			for _, key := range keys {
				if loading[key].Add(1) > 1 && round%2 == 1 {
					t.Errorf("two loads of %d at once", key)
				}
			}
			defer func() {
				for _, key := range left {
					loading[key].Add(-1)
				}
			}()
			stop := rand.IntN(6)
			for i, key := range keys {
				if i == stop && i == 1 {
					panic("jam")
				}
				if i == stop {
					return missing
				}
				runtime.Gosched()
				left = keys[i+1:]
				loading[key].Add(-1)
				settle(i, key*10, nil)
			}
			return nil
		}}
		single := func(ctx context.Context, key int) (int, error) { runtime.Gosched(); return key * 10, nil }
		var wg sync.WaitGroup
		for w := range uint64(6) {
			rng := rand.New(rand.NewPCG(seed+round, w))
			wg.Go(func() {
				for range 60 {
					keys := make([]int, 1+rng.IntN(6))
					for i := range keys {
						keys[i] = rng.IntN(8)
					}
					ctx, cancel := context.WithCancel(t.Context())
					if rng.IntN(3) == 0 {
						go cancel()
					}
					if round%2 == 0 {
						switch rng.IntN(6) {
						case 0:
							tab.Detach(keys[0], nil)
						case 1:
							if o := tab.Do(ctx, keys[0], single); o.Err == nil && o.Value != 10*keys[0] {
								t.Errorf("%d got %+v", keys[0], o)
							}
						}
					}
					for i, o := range tab.DoMany(ctx, keys, load, detached.Wish{}) {
						switch {
						case o.Err == nil && o.Value == 10*keys[i]:
						case o.Panic() != nil, o.Err == errMissing:
						case o.How == flight.Left && o.Err == context.Canceled && ctx.Err() != nil:
						default:
							t.Errorf("%d got %+v", keys[i], o)
						}
					}
					cancel()
				}
			})
		}
		wg.Wait()
		if err := tab.Close(t.Context()); err != nil {
			t.Errorf("Close = %v", err)
		}
		if sum := tab.Sum(); sum.Running != 0 || sum.Flights != 0 {
			t.Errorf("Sum = %+v, want nothing left", sum)
		}
	}
}
