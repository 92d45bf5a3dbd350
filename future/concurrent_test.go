package future_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/onefold-go/onefold/future"
)

// Callers that leave, loads that fail in every way, and Resets, all at once.
// Each load notes the newest Reset that began before it: a caller must never
// get the value of a load that began before a Reset that the caller came after.
func TestConcurrentCallersAndResets(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	const callers, rounds = 8, 2000
	var (
		resets  atomic.Int64 // that have returned
		running atomic.Int64 // loads
		wg      sync.WaitGroup
	)
	// The load gives the count of Resets that had returned when it began.
	load := func(ctx context.Context) (int64, error) {
		running.Add(1)
		defer running.Add(-1)
		began := resets.Load()
		r := rand.New(rand.NewPCG(seed, uint64(rand.Uint32())))
		for range r.IntN(10) {
			runtime.Gosched()
		}
		switch r.IntN(8) {
		case 0:
			return 0, errPaper
		case 1:
			panic(errPaper)
		case 2:
			runtime.Goexit()
		case 3:
			select {
			case <-ctx.Done():
			case <-time.After(20 * time.Microsecond):
			}
		}
		return began, nil
	}
	f := future.New(load, future.Config{RetryMin: time.Microsecond, RetryMax: 5 * time.Microsecond, LoadTimeout: time.Second})
	for i := range callers {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		wg.Go(func() {
			for range rounds {
				if r.IntN(4) == 0 {
					f.Reset()
					resets.Add(1)
				}
				ctx, cancel := context.WithCancel(t.Context())
				leaves := r.IntN(3) == 0
				if leaves {
					go func() {
						runtime.Gosched()
						cancel()
					}()
				}
				before := resets.Load()
				v, err := getBegan(ctx, f)
				cancel()
				switch {
				case err == nil:
					// Resets are counted once they have returned: those that had
					// when the load began are behind by the ones under way.
					if v < before-callers {
						t.Errorf("Get gives the value of a load from after Reset %d, and began after Reset %d", v, before)
					}
				case errors.Is(err, errPaper), errors.Is(err, future.ErrGoexit):
				case leaves && err == context.Canceled:
				default:
					t.Errorf("Get = %v; the call could end: %t", err, leaves)
				}
			}
		})
	}
	wg.Wait()
	for running.Load() > 0 { // those that a Reset has left behind
		runtime.Gosched()
	}
	f.Reset()
	for {
		if v, err := getBegan(t.Context(), f); err == nil {
			if v != resets.Load() {
				t.Errorf("after the storm Get gives a value from after Reset %d, want %d", v, resets.Load())
			}
			return
		}
	}
}

// getBegan is Get that makes an error of a panic.
func getBegan(ctx context.Context, f *future.Future[int64]) (v int64, err error) {
	defer func() {
		if p := recover(); p != nil {
			v, err = 0, p.(error)
		}
	}()
	return f.Get(ctx)
}

// Without a Reset there is one load, whoever comes and goes.
func TestConcurrentCallersShareOneLoad(t *testing.T) {
	for range 200 {
		var (
			loads atomic.Int64
			wg    sync.WaitGroup
		)
		f := future.New(func(context.Context) (int64, error) {
			runtime.Gosched()
			return loads.Add(1), nil
		}, future.Config{})
		for range 16 {
			wg.Go(func() {
				if v, err := f.Get(t.Context()); v != 1 || err != nil {
					t.Errorf("Get = %d, %v; want 1, nil", v, err)
				}
			})
		}
		wg.Wait()
	}
}
