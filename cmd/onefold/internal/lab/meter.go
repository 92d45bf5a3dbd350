package lab

import (
	"context"
	"sync"
	"time"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/source"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/strategy"
)

// A meter stands between a strategy and the source and counts the loads: how
// many were started, how many ran at once, and both over time. A load that
// waits for a connection of the source's pool counts as running: it was asked
// for. Its methods may be called at the same time from many goroutines.
type meter struct {
	load   strategy.Load
	bucket time.Duration

	mu       sync.Mutex
	start    time.Time     // of the first bucket
	started  int64         // loads
	running  int64         // loads
	peak     int64         // most loads running at once
	loading  []float64     // loads started, by bucket
	inFlight []float64     // most loads running at once, by bucket; as long as loading
	idle     chan struct{} // non-nil while someone waits for running to be 0
}

func newMeter(load strategy.Load, bucket time.Duration) *meter {
	return &meter{load: load, bucket: bucket, start: time.Now()}
}

// begin sets the moment at which the first bucket starts. Nothing has been
// loaded before it.
func (m *meter) begin(start time.Time) {
	m.mu.Lock()
	m.start = start
	m.mu.Unlock()
}

// Load is the source's Load, counted. An error that the source made is handed
// on as a *loadError.
func (m *meter) Load(ctx context.Context, key string) (source.Record, error) {
	m.enter()
	defer m.leave()
	r, err := m.load(ctx, key)
	if err != nil {
		return r, &loadError{err}
	}
	return r, nil
}

func (m *meter) enter() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.advanceLocked()
	m.started++
	m.running++
	m.peak = max(m.peak, m.running)

	now := len(m.loading) - 1
	m.loading[now]++
	m.inFlight[now] = max(m.inFlight[now], float64(m.running))
}

func (m *meter) leave() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.advanceLocked()
	m.running--
	if m.running == 0 && m.idle != nil {
		close(m.idle)
		m.idle = nil
	}
}

// advanceLocked opens the buckets up to now. What runs at the start of a
// bucket runs in it.
func (m *meter) advanceLocked() {
	for n := int(time.Since(m.start)/m.bucket) + 1; len(m.loading) < n; {
		m.loading = append(m.loading, 0)
		m.inFlight = append(m.inFlight, float64(m.running))
	}
}

// wait returns when no load is running, or when ctx ends; it reports which.
func (m *meter) wait(ctx context.Context) (idle bool) {
	m.mu.Lock()
	if m.running == 0 {
		m.mu.Unlock()
		return true
	}
	if m.idle == nil {
		m.idle = make(chan struct{})
	}
	settled := m.idle
	m.mu.Unlock()

	select {
	case <-settled:
		return true
	case <-ctx.Done():
		return false
	}
}

// A meterReading is what a meter has counted so far.
type meterReading struct {
	bucket            time.Duration
	loads, peak       int64
	loading, inFlight []float64
}

func (m *meter) read() meterReading {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.advanceLocked()
	return meterReading{
		bucket:   m.bucket,
		loads:    m.started,
		peak:     m.peak,
		loading:  append([]float64(nil), m.loading...),
		inFlight: append([]float64(nil), m.inFlight...),
	}
}

// A loadError marks an error as the source's own, whatever a strategy makes
// of it on the way to the caller.
type loadError struct{ err error }

func (e *loadError) Error() string { return e.err.Error() }
func (e *loadError) Unwrap() error { return e.err }

// bucketFor chooses the width of the buckets: a tenth of a second, or more
// where a long replay would give more points than a chart can show.
func bucketFor(d time.Duration) time.Duration {
	const most = 600
	for _, b := range []time.Duration{
		100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
		time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second,
	} {
		if d/b < most {
			return b
		}
	}
	return (d / most).Round(time.Minute) + time.Minute
}
