package source_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/source"
)

// A counter is a source that answers at once and counts.
type counter struct {
	gate
	loads int
}

func (c *counter) Load(_ context.Context, key string) (source.Record, error) {
	c.loads++
	return source.Record{Key: key, Version: 1}, nil
}

// outcomes runs n loads, one after the other, and tells for each whether it
// failed ('f'), was slow ('s'), or neither ('.').
func outcomes(t *testing.T, c *counter, o source.TroubleOptions, n int) []byte {
	t.Helper()
	s := source.Trouble(c, o)
	out := make([]byte, n)
	for i := range out {
		begin := time.Now()
		r, err := s.Load(t.Context(), "k")
		took := time.Since(begin)
		switch {
		case errors.Is(err, source.ErrInjected) && r == (source.Record{}) && took == 0:
			out[i] = 'f'
		case err == nil && r.Version == 1 && took == o.SlowBy && took > 0:
			out[i] = 's'
		case err == nil && r.Version == 1 && took == 0:
			out[i] = '.'
		default:
			t.Fatalf("Load = %+v, %v after %v", r, err, took)
		}
	}
	return out
}

func count(out []byte, what byte) (n int) {
	for _, o := range out {
		if o == what {
			n++
		}
	}
	return n
}

func TestTroubleSharesAreAsSeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 20_000
		c := &counter{}
		o := source.TroubleOptions{Fail: 0.2, Slow: 0.25, SlowBy: 40 * time.Millisecond, Seed: 7}
		out := outcomes(t, c, o, n)
		failed, slow := count(out, 'f'), count(out, 's')
		within := func(got int, share, of float64) bool { // five standard deviations
			return math.Abs(float64(got)-share*of) < 5*math.Sqrt(of*share*(1-share))
		}
		if !within(failed, o.Fail, n) || !within(slow, o.Slow, float64(n-failed)) {
			t.Errorf("of %d loads %d failed and %d were slow, want shares of %g and then %g", n, failed, slow, o.Fail, o.Slow)
		}
		if c.loads != n-failed {
			t.Errorf("the source saw %d loads, want %d: a failed load never gets there", c.loads, n-failed)
		}
		for i := range out { // which ones, too
			want := byte('.')
			if source.Draw(7, uint64(2*i)) < o.Fail {
				want = 'f'
			} else if source.Draw(7, uint64(2*i+1)) < o.Slow {
				want = 's'
			}
			if out[i] != want {
				t.Fatalf("load %d was %c, want %c", i, out[i], want)
			}
		}
		if again := outcomes(t, c, o, n); !slices.Equal(out, again) {
			t.Error("one seed, two outcomes")
		}
		o.Seed = 8
		if other := outcomes(t, c, o, n); slices.Equal(out, other) {
			t.Error("two seeds, one outcome")
		}
	})
}

// TestDrawIsSplitMix64 compares with the first numbers of the published
// generator for the seed 1234567.
func TestDrawIsSplitMix64(t *testing.T) {
	for i, want := range []uint64{6457827717110365317, 3203168211198807973, 9817491932198370423} {
		if got := source.Draw(1234567, uint64(i)); got != float64(want>>11)/(1<<53) {
			t.Errorf("number %d is %v, want %v", i, got, float64(want>>11)/(1<<53))
		}
	}
}

func TestTroubleExtremes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 100
		for _, test := range []struct {
			o    source.TroubleOptions
			want byte
			text string
		}{
			{source.TroubleOptions{}, '.', "gate"},
			{source.TroubleOptions{Fail: 1, Slow: 1, SlowBy: time.Second}, 'f', "gate, 100 % of loads fail, 100 % take 1s longer"},
			{source.TroubleOptions{Slow: 1, SlowBy: time.Second}, 's', "gate, 100 % take 1s longer"},
		} {
			if out := outcomes(t, &counter{}, test.o, n); count(out, test.want) != n {
				t.Errorf("%+v: %s, want all %c", test.o, out, test.want)
			}
			if got := source.Trouble(&counter{}, test.o).String(); got != test.text {
				t.Errorf("%+v: String = %q, want %q", test.o, got, test.text)
			}
		}
	})
}

func TestTroubleEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := source.Trouble(&counter{}, source.TroubleOptions{Slow: 1, SlowBy: time.Hour})
		begin := time.Now()
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errMine)
		defer cancel()
		if r, err := s.Load(ctx, "k"); !isMine(err, context.DeadlineExceeded) || r != (source.Record{}) {
			t.Errorf("Load = %+v, %v; want an EndedError with the cause", r, err)
		}
		if took := time.Since(begin); took != time.Second {
			t.Errorf("it took %v, want 1s", took)
		}

		failing := source.Trouble(&counter{}, source.TroubleOptions{Fail: 1})
		if _, err := failing.Load(ctx, "k"); !isMine(err, context.DeadlineExceeded) {
			t.Errorf("Load with an ended context = %v, want an EndedError with the cause", err)
		}
	})
}
