package foldtest_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/foldtest"
)

func TestSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := foldtest.Source[string, int]{Make: func(key string) int { return len(key) }}
		want := func(key string, value int, fault error) {
			t.Helper()
			v, err := source.Load(t.Context(), key)
			if v != value || !errors.Is(err, fault) || (err == nil) != (fault == nil) {
				t.Errorf("Load(%q) = %d, %v; want %d, %v", key, v, err, value, fault)
			}
		}
		want("abc", 3, nil)
		source.Set("abc", 7)
		want("abc", 7, nil)
		source.Remove("abc")
		want("abc", 0, onefold.ErrNotFound)
		source.Answer(foldtest.Answer{Err: foldtest.ErrInjected, Times: 2})
		source.AnswerFor("a", foldtest.Answer{Delay: time.Second})
		want("a", 1, nil)
		want("a", 0, foldtest.ErrInjected)
		want("b", 0, foldtest.ErrInjected)
		want("b", 1, nil)
		if n, of := source.Loads(), source.LoadsOf("a"); n != 7 || of != 2 || source.LoadsByKey()["abc"] != 3 {
			t.Errorf("%d loads, %d of a, want 7 and 2", n, of)
		}
	})
}

// A load gives what was there when it began, however long it takes.
func TestSourceReadsAtTheBeginning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			source foldtest.Source[string, int]
			gate   foldtest.Gate
			wg     sync.WaitGroup
		)
		source.Set("k", 1)
		source.Answer(foldtest.Answer{Gate: &gate, Times: 2})
		for range 2 {
			wg.Go(func() {
				if v, err := source.Load(t.Context(), "k"); v != 1 || err != nil {
					t.Errorf("Load = %d, %v; want 1, nil", v, err)
				}
			})
		}
		<-gate.Reached()
		synctest.Wait()
		if now, most := source.Active(); now != 2 || most != 2 {
			t.Errorf("%d loads are under way, %d at most; want 2, 2", now, most)
		}
		source.Set("k", 2)
		gate.Open()
		gate.Open()
		wg.Wait()
		if now, most := source.Active(); now != 0 || most != 2 {
			t.Errorf("%d loads are under way, %d at most; want 0, 2", now, most)
		}
	})
}

func TestSourceEndsBadly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var source foldtest.Source[string, int]
		source.Answer(foldtest.Answer{Panic: "boom"}, foldtest.Answer{Goexit: true}, foldtest.Answer{Hang: true})
		func() {
			defer func() {
				if p := recover(); p != "boom" {
					t.Errorf("recovered %v, want boom", p)
				}
			}()
			_, _ = source.Load(t.Context(), "k")
		}()
		returned, done := false, make(chan struct{})
		go func() {
			defer close(done)
			_, _ = source.Load(t.Context(), "k")
			returned = true
		}()
		<-done
		if returned {
			t.Errorf("Load returned, want Goexit")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := source.Load(ctx, "k"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a hanging Load = %v, want that of its context", err)
		}
		if now, _ := source.Active(); now != 0 {
			t.Errorf("%d loads are under way, want 0", now)
		}
	})
}

func TestGateAndContext(t *testing.T) {
	var gate foldtest.Gate
	select {
	case <-gate.Reached():
		t.Errorf("reached by nobody")
	default:
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := gate.Pass(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Pass = %v, want that of its context", err)
	}
	<-gate.Reached()
	gate.Open()
	if err := gate.Pass(ctx); err != nil {
		t.Errorf("Pass of an open gate = %v", err)
	}
}
