package memo_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/onefold-go/onefold/memo"
)

// A market has prices that change all the time, seen through a View and through
// a Table. Its versions count up with every change.
type market struct {
	seed    uint64
	version atomic.Int64
	prices  [3]atomic.Int64 // each the version of its last change

	view  *memo.View[string, int]
	table memo.Table[string, int]
}

func newMarket(t *testing.T) *market {
	t.Helper()
	m := &market{seed: rand.Uint64()}
	t.Logf("seed %d", m.seed)
	m.view = memo.Over(newCache(t, m.load))
	return m
}

func (m *market) load(_ context.Context, key string) (int, error) {
	k, err := strconv.Atoi(key)
	v := m.prices[k].Load()
	runtime.Gosched()
	return int(v), err
}

// change changes a price and gives a version that it now has, or has had.
func (m *market) change(k int) int {
	v := m.version.Add(1)
	for {
		old := m.prices[k].Load()
		if old >= v || m.prices[k].CompareAndSwap(old, v) {
			return int(v)
		}
	}
}

// get gets a price through the View or the Table.
func (m *market) get(ctx context.Context, throughView bool, k int) (int, error) {
	if throughView {
		return m.view.Get(ctx, strconv.Itoa(k))
	}
	return m.table.Get(ctx, strconv.Itoa(k), m.load)
}

// set changes a price through the View or the Table, and gives its version.
func (m *market) set(ctx context.Context, throughView bool, k int) (version int, err error) {
	if !throughView {
		version = m.change(k)
		m.table.Forget(ctx, strconv.Itoa(k))
		return version, nil
	}
	err = m.view.Write(ctx, strconv.Itoa(k), func(context.Context) error {
		version = m.change(k)
		return nil
	})
	return version, err
}

// visit runs body many times, on some goroutines of one request.
func (m *market) visit(t *testing.T, wg *sync.WaitGroup, number int, body func(ctx context.Context, r *rand.Rand)) {
	ctx := memo.With(t.Context(), memo.Config{})
	for i := range 4 {
		r := rand.New(rand.NewPCG(m.seed, uint64(10*number+i)))
		wg.Go(func() {
			for range 200 {
				body(ctx, r)
			}
		})
	}
}

// Prices change outside of the requests, and each request sees one of each.
//
// SPEC: N12
func TestConcurrentReadersGetOneAnswer(t *testing.T) {
	m := newMarket(t)
	done := make(chan struct{})
	var changer, requests sync.WaitGroup
	changer.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
			}
			if _, err := m.set(t.Context(), true, i%len(m.prices)); err != nil {
				t.Errorf("Write = %v", err)
			}
		}
	})
	for i := range 30 {
		var seen [2][len(m.prices)]atomic.Int64 // the price and 1
		m.visit(t, &requests, i, func(ctx context.Context, r *rand.Rand) {
			which, k := r.IntN(2), r.IntN(len(m.prices))
			ctx, leave := context.WithCancel(ctx)
			defer leave()
			leaves := r.IntN(4) == 0
			if leaves {
				go leave()
			}
			v, err := m.get(ctx, which == 0, k)
			switch first := &seen[which][k]; {
			case err != nil && leaves && errors.Is(err, context.Canceled):
			case err != nil:
				t.Errorf("Get = %v; the call could end: %t", err, leaves)
			case !first.CompareAndSwap(0, int64(v)+1) && first.Load() != int64(v)+1:
				t.Errorf("a request got both %d and %d for key %d", first.Load()-1, v, k)
			}
		})
	}
	requests.Wait()
	close(done)
	changer.Wait()
}

// Requests whose goroutines write all the time never read what was there before
// their own last write.
//
// SPEC: N12
func TestConcurrentWritersReadTheirWrites(t *testing.T) {
	m := newMarket(t)
	var requests sync.WaitGroup
	for i := range 10 {
		m.visit(t, &requests, i, func(ctx context.Context, r *rand.Rand) {
			throughView, k := r.IntN(2) == 0, r.IntN(len(m.prices))
			wrote, err := m.set(ctx, throughView, k)
			if err != nil {
				t.Errorf("Write = %v", err)
			}
			if v, err := m.get(ctx, throughView, k); v < wrote || err != nil {
				t.Errorf("Get = %d, %v after a write of %d", v, err, wrote)
			}
		})
	}
	requests.Wait()
}
