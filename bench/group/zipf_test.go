package group

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/onefold-go/onefold/bench/internal/meter"
	"github.com/onefold-go/onefold/bench/internal/peers"
)

// byHand is the least that shares loads of many keys: a map under a mutex and a
// channel that is closed.
func byHand(load func() (int, error)) peers.Call {
	type flight struct {
		done chan struct{}
		v    int
		err  error
	}
	var (
		mu sync.Mutex
		m  = make(map[string]*flight)
	)
	return func(_ context.Context, key string) (int, error) {
		mu.Lock()
		if f := m[key]; f != nil {
			mu.Unlock()
			<-f.done
			return f.v, f.err
		}
		f := &flight{done: make(chan struct{})}
		m[key] = f
		mu.Unlock()
		f.v, f.err = load()
		mu.Lock()
		delete(m, key)
		mu.Unlock()
		close(f.done)
		return f.v, f.err
	}
}

// byHandLeft is byHand for callers who can leave: each load has a goroutine, and
// they wait for their context as well.
func byHandLeft(load func() (int, error)) peers.Call {
	type flight struct {
		done chan struct{}
		v    int
		err  error
	}
	var (
		mu sync.Mutex
		m  = make(map[string]*flight)
	)
	return func(ctx context.Context, key string) (int, error) {
		mu.Lock()
		f := m[key]
		if f == nil {
			f = &flight{done: make(chan struct{})}
			m[key] = f
			go func() {
				f.v, f.err = load()
				mu.Lock()
				delete(m, key)
				mu.Unlock()
				close(f.done)
			}()
		}
		mu.Unlock()
		select {
		case <-f.done:
			return f.v, f.err
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

const (
	zipfCallers = 512
	zipfKeys    = 10_000
	zipfLoad    = 100 * time.Microsecond
)

// Many callers, each with a context of its own that can end, ask for keys some
// of which are hot; a load waits and computes nothing. The metrics:
//
//	cpu-ns/op        what the process computes, a call
//	p50-ns, p99-ns   how long calls take
//	loads/op         loads, a call: the libraries share about as much
func BenchmarkZipf(b *testing.B) {
	var keys [zipfKeys]string
	for i := range keys {
		keys[i] = fmt.Sprint("user:", 10_000+i)
	}
	// Every library gets the same calls.
	var asked [zipfCallers][256]string
	for i := range asked {
		z := rand.NewZipf(rand.New(rand.NewPCG(3, uint64(i))), 1.01, 1, zipfKeys-1)
		for j := range asked[i] {
			asked[i][j] = keys[z.Uint64()]
		}
	}
	for _, procs := range []int{1, 2, 8} {
		for _, lib := range withFloors(byHand, byHandLeft) {
			b.Run(fmt.Sprintf("lib=%s/procs=%d", lib.Name, procs), func(b *testing.B) {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
				zipf(b, lib, &asked)
			})
		}
	}
}

func zipf(b *testing.B, lib peers.Lib, asked *[zipfCallers][256]string) {
	var loads atomic.Int64
	call := lib.New(func() (int, error) {
		loads.Add(1)
		time.Sleep(zipfLoad)
		return 1, nil
	})
	took := make([]time.Duration, b.N)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range zipfCallers {
		mine := took[i*b.N/zipfCallers : (i+1)*b.N/zipfCallers]
		ctx, cancel := context.WithCancel(b.Context())
		ctx.Done()
		wg.Go(func() {
			defer cancel()
			<-start
			for j := range mine {
				began := time.Now()
				call(ctx, asked[i][j%len(asked[i])])
				mine[j] = time.Since(began)
			}
		})
	}
	runtime.GC()
	b.ReportAllocs()
	b.ResetTimer()
	spent := meter.CPU()
	close(start)
	wg.Wait()
	spent = meter.CPU() - spent
	b.StopTimer()
	b.ReportMetric(float64(spent)/float64(b.N), "cpu-ns/op")
	b.ReportMetric(float64(meter.Quantile(took, 0.50)), "p50-ns")
	b.ReportMetric(float64(meter.Quantile(took, 0.99)), "p99-ns")
	b.ReportMetric(float64(loads.Load())/float64(b.N), "loads/op")
}
