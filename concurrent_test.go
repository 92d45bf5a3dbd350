package onefold_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/onefold-go/onefold"
)

// A mob is many goroutines that call one group with few keys, without a bubble
// and as fast as they can.
type mob struct {
	*testing.T
	group onefold.Group[int, *trip]
	seed  uint64

	clock atomic.Int64          // counts what happens, so that two things can be ordered
	live  [mobKeys]atomic.Int64 // loads that run now, by key
	most  atomic.Int64          // the greatest that any of live has been
}

const mobKeys = 3

// A trip is one load, and what its callers get of it.
type trip struct {
	key      int
	ends     ending
	returned atomic.Int64 // mob.clock when its first caller had it; 0: nobody yet
}

// A trip is also its own error and panic.
func (*trip) Error() string { return "no such luck" }

// run lets 32 goroutines act for half a second.
func (m *mob) run(act func(rnd *rand.Rand)) {
	m.seed = rand.Uint64()
	m.Logf("seed %d", m.seed)
	stop := time.Now().Add(time.Second / 2)
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(m.seed, uint64(i)))
			for time.Now().Before(stop) {
				act(rnd)
			}
		})
	}
	wg.Wait()
	// What is left are loads that nobody waits for.
	for range 1_000_000 {
		if flights, loads := m.group.Traces(); flights == 0 && loads == 0 {
			return
		}
		runtime.Gosched()
	}
	flights, loads := m.group.Traces()
	m.Errorf("%d flights and %d loads are left", flights, loads)
}

// load gives a load that ends in one of the ways.
func (m *mob) load(rnd *rand.Rand, ways ...ending) func(context.Context, int) (*trip, error) {
	pauses, way := rnd.IntN(4), ways[rnd.IntN(len(ways))]
	return func(ctx context.Context, key int) (*trip, error) {
		now := m.live[key].Add(1)
		defer m.live[key].Add(-1)
		for was := m.most.Load(); now > was && !m.most.CompareAndSwap(was, now); was = m.most.Load() {
		}
		for range pauses {
			runtime.Gosched()
		}
		t := &trip{key: key, ends: way}
		switch way {
		case failure:
			return t, t
		case panics:
			panic(t)
		case exits:
			runtime.Goexit()
		}
		return t, nil
	}
}

// call gives what a caller with ctx got, and checks all that holds for every
// caller: the trip is one of its own key, it has not been in anybody's hands
// before the call, and the ending is its own.
func (m *mob) call(ctx context.Context, rnd *rand.Rand, load func(context.Context, int) (*trip, error)) {
	key, asChan := rnd.IntN(mobKeys), rnd.IntN(4) == 0
	before := m.clock.Add(1)
	var (
		got *trip
		err error
	)
	if asChan {
		r := <-m.group.DoChan(ctx, key, load)
		got, err = r.Value, r.Err
	} else {
		got, err = m.do(ctx, key, load)
	}

	var (
		panicked *onefold.PanicError
		how      ending
	)
	switch {
	case err == nil:
		how = value
	case errors.As(err, &panicked):
		how = panics
		errors.As(err, &got)
	case got != nil && err == error(got):
		how = failure
	case err == onefold.ErrGoexit:
		return
	case err == ctx.Err():
		return
	default:
		m.Errorf("a caller whose context has %v got the error %v", ctx.Err(), err)
		return
	}
	if got == nil {
		m.Errorf("a caller got no trip beside %v", err)
		return
	}
	if got.key != key || got.ends != how {
		m.Errorf("a caller of key %d got %s of key %d, whose load came to %s", key, how, got.key, got.ends)
	}
	if !got.returned.CompareAndSwap(0, m.clock.Add(1)) && got.returned.Load() < before {
		m.Errorf("a call at %d joined a load that another caller had the end of at %d", before, got.returned.Load())
	}
}

func (m *mob) do(ctx context.Context, key int, load func(context.Context, int) (*trip, error)) (t *trip, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = p.(*onefold.PanicError)
		}
	}()
	return m.group.Do(ctx, key, load)
}

// leaving gives a context that is canceled soon, by another goroutine.
func leaving(rnd *rand.Rand) context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	pauses := rnd.IntN(6)
	go func() {
		for range pauses {
			runtime.Gosched()
		}
		cancel()
	}()
	return ctx
}

// Callers leave, and the loads they leave are finished: a key's load is the
// only one of its key all the same.
//
// SPEC: G40
func TestConcurrentLoadsOfAKey(t *testing.T) {
	m := &mob{T: t}
	m.group.Config = finishLoad
	m.run(func(rnd *rand.Rand) {
		ctx := context.Background()
		if rnd.IntN(3) == 0 {
			ctx = leaving(rnd)
		}
		m.call(ctx, rnd, m.load(rnd, value))
	})
	if n := m.most.Load(); n != 1 {
		t.Errorf("%d loads of a key were live at once", n)
	}
}

// SPEC: G41
func TestConcurrentCallsJoinNothingThatHasEnded(t *testing.T) {
	m := &mob{T: t}
	endable, cancel := context.WithCancel(t.Context())
	defer cancel()
	m.run(func(rnd *rand.Rand) {
		ctx := endable
		if rnd.IntN(2) == 0 {
			ctx = context.Background()
		}
		m.call(ctx, rnd, m.load(rnd, value, failure))
	})
	if n := m.most.Load(); n != 1 {
		t.Errorf("%d loads of a key were live at once", n)
	}
}

// SPEC: G42
func TestConcurrentTrouble(t *testing.T) {
	for _, cfg := range []onefold.Config{{}, finishLoad, {LoadTimeout: time.Hour}} {
		m := &mob{T: t}
		m.group.Config = cfg
		m.run(func(rnd *rand.Rand) {
			if rnd.IntN(10) == 0 {
				m.group.Forget(rnd.IntN(mobKeys))
			}
			switch rnd.IntN(3) {
			case 0:
				m.call(leaving(rnd), rnd, m.load(rnd, value, value, failure, panics, exits))
			case 1:
				m.call(t.Context(), rnd, m.load(rnd, value, value, failure, panics, exits))
			case 2: // may run the load itself, which had better not exit
				m.call(context.Background(), rnd, m.load(rnd, value, value, failure, panics))
			}
		})
	}
}

// SPEC: G31, G42
func TestConcurrentTimeouts(t *testing.T) {
	m := &mob{T: t}
	m.group.Config.LoadTimeout = 20 * time.Microsecond
	load := func(ctx context.Context, key int) (*trip, error) {
		for range 5 {
			runtime.Gosched()
		}
		return &trip{key: key, ends: value}, nil
	}
	m.run(func(rnd *rand.Rand) {
		key := rnd.IntN(mobKeys)
		r := <-m.group.DoChan(context.Background(), key, load)
		switch {
		case r.Err == nil && r.Value.key == key:
		case r.Err == onefold.ErrLoadTimeout && r.Value == nil:
		default:
			t.Errorf("a caller of key %d got %+v", key, r)
		}
	})
}
