package fleet_test

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/fleet"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/source"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/strategy"
)

func TestMain(m *testing.M) {
	fleet.Serve()
	os.Exit(m.Run())
}

var config = strategy.Config{TTL: time.Minute, LoadTimeout: time.Minute, Capacity: 100}

func start(t *testing.T, n int, kind string, load strategy.Load) *fleet.Fleet {
	t.Helper()
	f, err := fleet.Start(n, kind, load, config)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Each process has a cache of its own.
func TestProcessesCacheApart(t *testing.T) {
	var loads atomic.Int64
	f := start(t, 3, "onefold", func(_ context.Context, key string) (source.Record, error) {
		return source.Record{Key: key, Version: loads.Add(1)}, nil
	})
	for i := range 9 {
		r, err := f.Get(t.Context(), "k")
		if err != nil || r.Key != "k" {
			t.Fatalf("call %d got %+v, %v", i, r, err)
		}
	}
	if n, hits := loads.Load(), f.Hits(); n != 3 || hits != 6 {
		t.Errorf("%d loads and %d hits, want 3 and 6", n, hits)
	}
	if err := f.InvalidateIn(t.Context(), 1, "k"); err != nil {
		t.Fatal(err)
	}
	f.Put("other", source.Record{Key: "other", Version: 9})
	for i := range 3 {
		if _, err := f.GetIn(t.Context(), i, "k"); err != nil {
			t.Fatal(err)
		}
		if r, err := f.GetIn(t.Context(), i, "other"); err != nil || r.Version != 9 {
			t.Errorf("process %d got %+v, %v; want what was put", i, r, err)
		}
	}
	if n := loads.Load(); n != 4 {
		t.Errorf("%d loads after one process dropped the key, want 4", n)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

// What the lab judges errors by outlives the way through a process.
func TestErrorsAreTheSourcesOwn(t *testing.T) {
	refusal := errors.New("refused")
	f := start(t, 1, "nocache", func(context.Context, string) (source.Record, error) { return source.Record{}, refusal })
	defer f.Close() //nolint:errcheck // not what this is about
	if _, err := f.Get(t.Context(), "k"); !errors.Is(err, refusal) {
		t.Errorf("Get = %v, want the source's error", err)
	}
}

// A load in a process ends with its context there, and for the reason it has:
// with a strategy that loads with the caller's context, the caller's own.
func TestLoadsEndWithTheirContext(t *testing.T) {
	left := errors.New("this one has left")
	f := start(t, 1, "nocache", func(ctx context.Context, _ string) (source.Record, error) {
		<-ctx.Done()
		return source.Record{}, &source.EndedError{Cause: context.Cause(ctx), Err: ctx.Err()}
	})
	defer f.Close() //nolint:errcheck // not what this is about
	for name, test := range map[string]struct {
		context func() (context.Context, func())
		want    error
	}{
		"canceled": {func() (context.Context, func()) {
			ctx, cancel := context.WithCancelCause(t.Context())
			return ctx, func() { cancel(left) }
		}, context.Canceled},
		"deadline": {func() (context.Context, func()) {
			ctx, cancel := context.WithDeadlineCause(t.Context(), time.Now().Add(time.Millisecond), left)
			return ctx, func() { <-ctx.Done(); cancel() }
		}, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, leave := test.context()
			go leave()
			_, err := f.Get(ctx, "k")
			var ended *source.EndedError
			if !errors.Is(err, test.want) || !errors.As(err, &ended) || !errors.Is(ended.Cause, left) {
				t.Errorf("Get = %v (%+v), want %v for the cause %v", err, ended, test.want, left)
			}
		})
	}
}

// A process that dies fails its own calls and loads, and no others.
func TestProcessThatDies(t *testing.T) {
	loading := make(chan struct{})
	var once sync.Once
	f := start(t, 2, "onefold", func(ctx context.Context, key string) (source.Record, error) {
		if key == "slow" {
			once.Do(func() { close(loading) })
			<-ctx.Done()
			return source.Record{}, ctx.Err()
		}
		return source.Record{Key: key, Version: 1}, nil
	})
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := f.GetIn(t.Context(), 0, "slow"); err == nil {
			t.Error("a call in a process that died got no error")
		}
	})
	<-loading
	if err := syscall.Kill(f.PID(0), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if _, err := f.GetIn(t.Context(), 0, "k"); err == nil {
		t.Error("a dead process answered")
	}
	if r, err := f.GetIn(t.Context(), 1, "k"); err != nil || r.Key != "k" {
		t.Errorf("the other process gave %+v, %v", r, err)
	}
	if err := f.Close(); err == nil {
		t.Error("Close says nothing of a process that died")
	}
}

func TestUnknownStrategy(t *testing.T) {
	if _, err := fleet.Start(2, "wishful", nil, config); err == nil {
		t.Error("a fleet of an unknown strategy started")
	}
}
