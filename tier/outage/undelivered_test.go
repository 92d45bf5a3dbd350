package outage_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/tier/outage"
)

// SPEC: X05
func TestWhatIsSettledIsThatOfBefore(t *testing.T) {
	u := outage.NewUndelivered(10)
	began := u.Now()
	u.AddKey("k") // while a Delete that began before is on its way
	u.AddTags("t")
	u.Settled([]string{"k"}, []string{"t"}, began)
	if missed, _ := u.Has("k"); !missed || u.Len() != 2 {
		t.Errorf("%d undelivered, of them k: %t; want both: what was settled is from before", u.Len(), missed)
	}
	began = u.Now()
	u.AddKey("k") // once more, and the newer one counts
	u.Settled([]string{"k", "other"}, []string{"t"}, began)
	if missed, _ := u.Has("k"); !missed || u.Len() != 1 {
		t.Errorf("%d undelivered, of them k: %t; want it", u.Len(), missed)
	}
	u.Settled([]string{"k"}, nil, u.Now())
	if u.Any() || u.Len() != 0 {
		t.Errorf("%d undelivered, want none", u.Len())
	}
}

// SPEC: X05, S10
func TestTooManyAreAll(t *testing.T) {
	u := outage.NewUndelivered(3)
	u.AddTags("t")
	for i := range 3 {
		u.AddKey(fmt.Sprint(i))
	}
	keys, tags, all := u.List()
	if !all || len(keys)+len(tags) != 0 || u.Len() != 4 {
		t.Errorf("List = %v, %v, %t, Len = %d; want all alone, and 4", keys, tags, all, u.Len())
	}
	if missed, all := u.Has("anything"); missed || !all {
		t.Errorf("Has = %t, %t; want all", missed, all)
	}
	// What comes while everything is being delivered is not in that.
	began := u.Now()
	u.AddKey("late")
	u.SettledAll(began)
	if _, all := u.Has("late"); !all {
		t.Error("what was added during the delivery of all is gone with it")
	}
	u.SettledAll(u.Now())
	if u.Any() {
		t.Errorf("%d undelivered, want none", u.Len())
	}
	u.AddTags()
	if _, all := u.Has(""); !all {
		t.Error("AddTags without tags is not all")
	}
}

// A slow and plain model: all additions in their order.
//
// SPEC: X05
func TestUndeliveredAgainstAModel(t *testing.T) {
	seed := rand.Uint64()                    //nolint:gosec // a seed
	rng := rand.New(rand.NewPCG(seed, seed)) //nolint:gosec // no secret
	type addition struct {
		seq  int
		what string // a key, a tag, or empty: all
	}
	const most = 4
	for round := range 500 {
		var (
			u       = outage.NewUndelivered(most)
			log     []addition
			seq     int
			pending []uint64 // numbers that deliveries under way began at
			at      []int
		)
		for range 40 {
			name := string(rune('a' + rng.IntN(6)))
			key := name < "d"
			switch rng.IntN(5) {
			case 0, 1:
				seq++
				if key {
					u.AddKey(name)
				} else {
					u.AddTags(name)
				}
				log = append(log, addition{seq, name})
				distinct := make(map[string]bool)
				all := false
				for _, a := range log {
					distinct[a.what] = true
					all = all || a.what == ""
				}
				if all || len(distinct) > most {
					log = []addition{{seq, ""}}
				}
			case 2:
				pending, at = append(pending, u.Now()), append(at, seq)
			case 3:
				if len(pending) == 0 {
					continue
				}
				i := rng.IntN(len(pending))
				if key {
					u.Settled([]string{name}, nil, pending[i])
				} else {
					u.Settled(nil, []string{name}, pending[i])
				}
				log = slices.DeleteFunc(log, func(a addition) bool { return a.what == name && a.seq <= at[i] })
			case 4:
				if len(pending) == 0 || rng.IntN(4) > 0 {
					continue
				}
				i := rng.IntN(len(pending))
				u.SettledAll(pending[i])
				log = slices.DeleteFunc(log, func(a addition) bool { return a.seq <= at[i] })
			}
			want := make(map[string]bool)
			for _, a := range log {
				want[a.what] = true
			}
			keys, tags, all := u.List()
			got := make(map[string]bool)
			for _, name := range slices.Concat(keys, tags) {
				got[name] = true
			}
			if all {
				got[""] = true
			}
			if fmt.Sprint(got) != fmt.Sprint(want) || u.Any() != (len(want) > 0) {
				t.Fatalf("seed %d, round %d: %v, any: %t; want %v", seed, round, got, u.Any(), want)
			}
		}
	}
}

func TestDeliverTriesUntilThereIsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := outage.NewUndelivered(10)
		ctx, cancel := context.WithCancel(t.Context())
		var (
			wg    sync.WaitGroup
			tries []time.Duration
			began = time.Now()
		)
		wg.Go(func() {
			u.Deliver(ctx, time.Second, func(context.Context) {
				tries = append(tries, time.Since(began))
				if len(tries)%3 == 0 {
					keys, _, _ := u.List()
					u.Settled(keys, nil, u.Now())
				}
			})
		})
		u.AddKey("k")
		time.Sleep(time.Minute)
		u.AddKey("k")
		time.Sleep(time.Minute)
		synctest.Wait()
		s := time.Second
		if want := []time.Duration{s, 2 * s, 3 * s, 61 * s, 62 * s, 63 * s}; !slices.Equal(tries, want) {
			t.Errorf("tries at %v, want %v", tries, want)
		}
		u.AddKey("k")
		synctest.Wait()
		cancel() // in the middle of a wait
		wg.Wait()
	})
}

func TestConcurrentUndelivered(t *testing.T) {
	u := outage.NewUndelivered(5)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 200 {
				at := u.Now()
				u.AddKey(fmt.Sprint(i, n%3))
				u.AddTags(fmt.Sprint(i))
				u.Has("k")
				u.Len()
				u.Settled([]string{fmt.Sprint(i, n%3)}, []string{fmt.Sprint(i)}, at)
				u.SettledAll(u.Now())
			}
		})
	}
	wg.Wait()
	if u.Any() {
		t.Errorf("%d undelivered, want none: each goroutine ended with all settled", u.Len())
	}
}
