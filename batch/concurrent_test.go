package batch_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/batch"
)

// Calls for many keys and for one, with cancels, failures, panics and Forgets
// mixed: every caller gets its own ending, for its own keys.
//
// SPEC: B01, B02, N13, G40, G42
func TestConcurrentLoader(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for round, cfg := range []batch.Config{
		{MaxKeys: 3},
		{MaxKeys: 3, Window: 10 * time.Microsecond},
		{Config: onefold.Config{LoadContext: onefold.FirstCaller}},
		{MaxKeys: 2, Config: onefold.Config{OnAbandon: onefold.FinishLoad, MaxLoads: 2, QueueWait: time.Millisecond}},
		{MaxKeys: 4, Config: onefold.Config{JoinWithin: 5 * time.Microsecond, LoadTimeout: time.Millisecond}},
	} {
		cfg.OnPanic = onefold.ReturnPanic
		cfg.RetryFailed = func(err error) bool { return errors.Is(err, errDown) }
		l := loader(t, func(ctx context.Context, keys []int) (map[int]int, error) {
			runtime.Gosched()
			values, failed := make(map[int]int), make(batch.KeyErrors[int])
			for _, key := range keys {
				switch rand.IntN(12) {
				case 0:
					failed[key] = errKey
				case 1:
				default:
					values[key] = 10 * key
				}
			}
			switch rand.IntN(12) {
			case 0:
				panic("jam")
			case 1:
				return nil, errDown
			case 2:
				return nil, ctx.Err()
			}
			return values, failed
		}, cfg)
		var wg sync.WaitGroup
		for w := range uint64(6) {
			rng := rand.New(rand.NewPCG(seed+uint64(round), w)) //nolint:gosec // no secret
			wg.Go(func() {
				for range 100 {
					ctx, cancel := context.WithCancel(t.Context())
					left := rng.IntN(3) == 0
					if left {
						go cancel()
					}
					keys := make([]int, rng.IntN(7))
					for i := range keys {
						keys[i] = rng.IntN(8)
					}
					results := l.LoadMany(ctx, keys)
					if len(keys) > 0 && rng.IntN(2) == 0 {
						l.Forget(keys[0])
						v, err := l.Load(ctx, keys[0])
						keys, results = append(keys, keys[0]), append(results, onefold.Result[int]{Value: v, Err: err})
					}
					for i, r := range results {
						switch {
						case r.Err == nil && r.Value == 10*keys[i]:
						case r.Err == nil:
							t.Errorf("round %d: %d got %+v", round, keys[i], r)
						case errors.Is(r.Err, context.Canceled):
							if !left {
								t.Errorf("round %d: %d was given another's end: %+v", round, keys[i], r)
							}
						case errors.Is(r.Err, errKey), errors.Is(r.Err, errDown), errors.Is(r.Err, onefold.ErrNotFound),
							errors.Is(r.Err, onefold.ErrOverload), errors.Is(r.Err, onefold.ErrLoadTimeout), errors.As(r.Err, new(*onefold.PanicError)):
						default:
							t.Errorf("round %d: %d got %+v", round, keys[i], r)
						}
					}
					cancel()
				}
			})
		}
		wg.Wait()
		if err := l.Close(t.Context()); err != nil {
			t.Errorf("Close = %v", err)
		}
		if s := l.Stats(); s.Loading != 0 || s.Running != 0 {
			t.Errorf("round %d: Stats = %+v, want nothing left", round, s)
		}
	}
}
