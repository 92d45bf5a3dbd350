package lab

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/arrival"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/source"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/strategy"
)

const (
	calibrations   = 25              // loads measured
	calibrateFor   = 3 * time.Second // at most, but for one load
	calibrateFirst = 3               // loads before the first that is measured
)

// calibrate measures the median time of one load while nothing else runs.
func calibrate(ctx context.Context, src source.Source, keys []string) (time.Duration, error) {
	var (
		began = time.Now()
		took  []time.Duration
	)
	for i := 0; len(took) == 0 || i < calibrateFirst+calibrations && time.Since(began) < calibrateFor; i++ {
		key := keys[i%len(keys)]
		start := time.Now()
		if _, err := src.Load(ctx, key); err != nil && !errors.Is(err, source.ErrNoRecord) {
			return 0, fmt.Errorf("measuring one load: %w", err)
		}
		if i >= calibrateFirst || time.Since(began) >= calibrateFor {
			took = append(took, time.Since(start))
		}
	}
	return median(took), nil
}

// A warmStart holds the records that are in the cache when a replay starts.
type warmStart struct {
	source  source.Source
	stream  *arrival.Stream
	records []source.Record // as Stream.Warm; the zero Record: not in the source
	loaded  bool
}

func newWarmStart(src source.Source, stream *arrival.Stream) *warmStart {
	return &warmStart{source: src, stream: stream, records: make([]source.Record, len(stream.Warm))}
}

// refresh loads the records that are not there yet or older than their floor.
func (w *warmStart) refresh(ctx context.Context, f floors) error {
	var old []int
	for i, key := range w.stream.Warm {
		if !w.loaded || w.records[i].Version < f[key].Load() {
			old = append(old, i)
		}
	}
	if err := w.load(ctx, old); err != nil {
		return err
	}
	w.loaded = true
	return nil
}

// load loads the records of the given indices, as many at once as there are
// processors, and stops at the first error.
func (w *warmStart) load(ctx context.Context, indices []int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		next    atomic.Int64
		workers sync.WaitGroup
	)
	for range min(runtime.GOMAXPROCS(0), len(indices)) {
		workers.Go(func() {
			for n := next.Add(1) - 1; int(n) < len(indices) && ctx.Err() == nil; n = next.Add(1) - 1 {
				i := indices[n]
				r, err := w.source.Load(ctx, w.stream.Keys[w.stream.Warm[i]])
				if err != nil && !errors.Is(err, source.ErrNoRecord) {
					cancel(err)
					return
				}
				w.records[i] = r
			}
		})
	}
	workers.Wait()
	return context.Cause(ctx)
}

// missing is how many keys are not in the source.
func (w *warmStart) missing() int {
	n := 0
	for _, r := range w.records {
		if r.Version == 0 {
			n++
		}
	}
	return n
}

// put puts all records into s at once.
func (w *warmStart) put(s strategy.Strategy) {
	for i, r := range w.records {
		if r.Version != 0 {
			s.Put(w.stream.Keys[w.stream.Warm[i]], r)
		}
	}
}

// median is the middle of values that need not be sorted, or the mean of the
// two in the middle. Of no values it is 0.
func median[T ~int64 | ~float64](values []T) T {
	if len(values) == 0 {
		return 0
	}
	values = slices.Sorted(slices.Values(values))
	mid := len(values) / 2
	if len(values)%2 == 1 {
		return values[mid]
	}
	return (values[mid-1] + values[mid]) / 2
}
