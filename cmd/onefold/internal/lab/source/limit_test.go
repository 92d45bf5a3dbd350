package source_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/source"
)

// A gate is a source whose loads begin, and then wait until they are let go.
type gate struct {
	mu    sync.Mutex
	begun []string
	let   chan struct{}
}

func newGate() *gate { return &gate{let: make(chan struct{})} }

func (g *gate) Load(_ context.Context, key string) (source.Record, error) {
	g.mu.Lock()
	g.begun = append(g.begun, key)
	g.mu.Unlock()
	<-g.let
	return source.Record{Key: key, Version: 1}, nil
}

func (g *gate) Update(context.Context, string) (int64, error) { return 2, nil }
func (g *gate) String() string                                { return "gate" }
func (g *gate) Close() error                                  { return nil }

func TestLimitBoundsLoadsAndServesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		s := source.Limit(g, 2)
		if got := s.String(); got != "gate, at most 2 loads at once" {
			t.Errorf("String = %q", got)
		}
		keys := []string{"a", "b", "c", "d", "e"}
		for _, key := range keys {
			go func() {
				if r, err := s.Load(t.Context(), key); r.Key != key || err != nil {
					t.Errorf("Load(%q) = %+v, %v", key, r, err)
				}
			}()
			synctest.Wait()
		}
		for n := 2; n <= len(keys); n++ {
			if !slices.Equal(g.begun, keys[:n]) {
				t.Fatalf("begun %v, want %v", g.begun, keys[:n])
			}
			if v, err := s.Update(t.Context(), "a"); v != 2 || err != nil { // never waits
				t.Errorf("Update = %d, %v", v, err)
			}
			g.let <- struct{}{}
			synctest.Wait()
		}
		g.let <- struct{}{}
	})
}

func TestLimitWaitersLeaveWhenTheirContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		s := source.Limit(g, 1)
		go func() { _, _ = s.Load(t.Context(), "first") }()
		synctest.Wait()

		ctx, cancel := context.WithCancelCause(t.Context())
		result := make(chan error, 1)
		go func() { _, err := s.Load(ctx, "left"); result <- err }()
		synctest.Wait()
		cancel(errMine)
		if err := <-result; !isMine(err, context.Canceled) {
			t.Errorf("Load = %v, want an EndedError with the cause", err)
		}

		go func() { _, _ = s.Load(t.Context(), "next") }()
		synctest.Wait()
		g.let <- struct{}{}
		g.let <- struct{}{}
		synctest.Wait()
		if want := []string{"first", "next"}; !slices.Equal(g.begun, want) {
			t.Errorf("begun %v, want %v", g.begun, want)
		}
	})
}

func TestNoLimit(t *testing.T) {
	g := newGate()
	if s := source.Limit(g, 0); s != source.Source(g) {
		t.Errorf("Limit(src, 0) = %v, want src itself", s)
	}
}

func TestEndedError(t *testing.T) {
	plain := &source.EndedError{Cause: context.Canceled, Err: context.Canceled}
	if got, want := plain.Error(), "source: ended before the answer: context canceled"; got != want {
		t.Errorf("Error = %q, want %q", got, want)
	}
	caused := &source.EndedError{Cause: errMine, Err: context.Canceled}
	if got, want := caused.Error(), "source: ended before the answer: context canceled (the caller left)"; got != want {
		t.Errorf("Error = %q, want %q", got, want)
	}
	if !errors.Is(caused, context.Canceled) || errors.Is(caused, errMine) {
		t.Error("an EndedError is the context's error, and not its cause")
	}
}
