package lab_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab"
)

const ms = time.Millisecond

func TestDispatchKeepsTheMoments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := []time.Duration{0, 0, 3 * ms, 10 * ms, 10 * ms, 2 * time.Second}
		start := time.Now()
		var got []time.Duration
		lab.Dispatch(t.Context(), start, len(at), func(i int) time.Duration { return at[i] },
			func(int) { got = append(got, time.Since(start)) })
		if !slices.Equal(got, at) {
			t.Errorf("dispatched at %v, want %v", got, at)
		}
	})
}

// A dispatcher that was held up does at once all that has become due, and is
// in time again for what follows.
func TestLateDispatchCatchesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := []time.Duration{0, 10 * ms, 20 * ms, 30 * ms, 200 * ms}
		start := time.Now()
		var got []time.Duration
		lab.Dispatch(t.Context(), start, len(at), func(i int) time.Duration { return at[i] }, func(i int) {
			got = append(got, time.Since(start))
			if i == 1 {
				time.Sleep(90 * ms) // the machine was busy
			}
		})
		// The first look at the clock after the hold-up finds the rest due.
		want := []time.Duration{0, 10 * ms, 100 * ms, 100 * ms, 200 * ms}
		if !slices.Equal(got, want) {
			t.Errorf("dispatched at %v, want %v", got, want)
		}
	})
}

func TestDispatchStopsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 15*ms)
		defer cancel()
		start, n := time.Now(), 0
		lab.Dispatch(ctx, start, 100, func(i int) time.Duration { return time.Duration(i) * 10 * ms }, func(int) { n++ })
		if n != 2 || time.Since(start) != 15*ms {
			t.Errorf("dispatched %d in %v, want 2 in 15ms", n, time.Since(start))
		}
	})
}
