package group

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/onefold-go/onefold/bench/internal/meter"
	"github.com/onefold-go/onefold/bench/internal/peers"
)

// closing is the least that can wake a wave: a channel is closed.
func closing(load func() (int, error)) peers.Call {
	var (
		mu   sync.Mutex
		done chan struct{}
	)
	return func(context.Context, string) (int, error) {
		mu.Lock()
		if done == nil {
			done = make(chan struct{})
			mu.Unlock()
			v, err := load()
			mu.Lock()
			close(done)
			done = nil
			mu.Unlock()
			return v, err
		}
		d := done
		mu.Unlock()
		<-d
		return 1, nil
	}
}

// closingLeft is closing for callers who can leave: somebody else runs the load,
// and they wait for their context as well.
func closingLeft(load func() (int, error)) peers.Call {
	var (
		mu   sync.Mutex
		done chan struct{}
	)
	return func(ctx context.Context, _ string) (int, error) {
		mu.Lock()
		d := done
		if d == nil {
			d = make(chan struct{})
			done = d
			go func() {
				_, _ = load()
				mu.Lock()
				close(d)
				done = nil
				mu.Unlock()
			}()
		}
		mu.Unlock()
		select {
		case <-d:
			return 1, nil
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// withFloors is all libraries and what they are to be held against.
func withFloors(deaf, left func(load func() (int, error)) peers.Call) []peers.Lib {
	return append([]peers.Lib{{Name: "floor", Deaf: true, New: deaf}, {Name: "floor-left", New: left}}, peers.All...)
}

// One wave is many callers of one key who all wait when the load is let go, each
// with a context of its own that can end. The metrics:
//
//	wake-ns       from there until the last of them has its answer: the median wave
//	wake-cpu-ns   what the process computes in that time, mean
//	B/waiter      allocated for a wave, a caller; the callers themselves are there before
//	goroutines    that a wave has beside its callers
//	late          waves that were not one load, and are in no metric
func BenchmarkWave(b *testing.B) {
	for _, callers := range []int{64, 1024, 16_384} {
		for _, lib := range withFloors(closing, closingLeft) {
			b.Run(fmt.Sprintf("lib=%s/callers=%d", lib.Name, callers), func(b *testing.B) {
				newCrowd(b, lib, callers).waves(b)
			})
		}
	}
}

// A crowd is goroutines that call once for each wave.
type crowd struct {
	n       int
	loads   atomic.Int64
	release atomic.Pointer[chan struct{}]
	start   atomic.Pointer[chan struct{}] // closed to begin a wave, or with stop set to end
	stop    atomic.Bool
	awake   atomic.Int64
	last    time.Time // when the last had its answer; written before done gets its value
	done    chan struct{}
}

func newCrowd(b *testing.B, lib peers.Lib, n int) *crowd {
	c := &crowd{n: n, done: make(chan struct{}, 1)}
	c.next()
	call := lib.New(func() (int, error) {
		c.loads.Add(1)
		<-*c.release.Load()
		return 1, nil
	})
	var wg sync.WaitGroup
	for range n {
		ctx, cancel := context.WithCancel(b.Context())
		ctx.Done() // made, as it is in a request
		start := *c.start.Load()
		wg.Go(func() {
			defer cancel()
			for {
				<-start
				if c.stop.Load() {
					return
				}
				start = *c.start.Load()
				call(ctx, "user:12345")
				if c.awake.Add(1) == int64(c.n) {
					c.last = time.Now()
					c.done <- struct{}{}
				}
			}
		})
	}
	b.Cleanup(func() {
		c.stop.Store(true)
		close(*c.start.Load())
		wg.Wait()
	})
	return c
}

// next makes the channels of the next wave.
func (c *crowd) next() {
	start, release := make(chan struct{}), make(chan struct{})
	c.start.Store(&start)
	c.release.Store(&release)
}

// settle returns when nobody else can run.
func settle() {
	for !meter.Quiet() {
		runtime.Gosched()
	}
}

func (c *crowd) waves(b *testing.B) {
	var (
		wakes      []time.Duration
		cpu        time.Duration
		goroutines int
		late       int
		mem        [2]runtime.MemStats
	)
	wave := func() {
		c.loads.Store(0)
		c.awake.Store(0)
		start, release := *c.start.Load(), *c.release.Load()
		nextStart := make(chan struct{})
		c.start.Store(&nextStart)
		before := runtime.NumGoroutine()
		close(start)
		settle()
		extra := runtime.NumGoroutine() - before
		spent, began := meter.CPU(), time.Now()
		close(release)
		<-c.done
		spent = meter.CPU() - spent
		settle()
		nextRelease := make(chan struct{})
		c.release.Store(&nextRelease)
		if c.loads.Load() != 1 {
			late++
			return
		}
		goroutines += extra
		cpu += spent
		wakes = append(wakes, c.last.Sub(began))
	}
	settle()
	runtime.GC() // here, as it drops what the runtime keeps for goroutines that wait
	wave()       // what is made once is made
	wakes, cpu, goroutines, late = make([]time.Duration, 0, b.N), 0, 0, 0
	runtime.ReadMemStats(&mem[0])
	b.ResetTimer()
	for range b.N {
		wave()
	}
	b.StopTimer()
	runtime.ReadMemStats(&mem[1])
	n := float64(max(1, len(wakes)))
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(meter.Quantile(wakes, 0.5)), "wake-ns")
	b.ReportMetric(float64(cpu)/n, "wake-cpu-ns")
	b.ReportMetric(float64(mem[1].TotalAlloc-mem[0].TotalAlloc)/float64(b.N)/float64(c.n), "B/waiter")
	b.ReportMetric(float64(goroutines)/n, "goroutines")
	b.ReportMetric(float64(late), "late")
}
