package future_test

import (
	"errors"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/onefold-go/onefold/future"
)

func TestFailureIsRememberedForAWhile(t *testing.T) {
	tell(t, future.Config{RetryMin: time.Second}, func(s *story) {
		first := s.call(s.Context())
		s.until(10 * time.Second)
		s.loads[0].returns(0, errPaper)
		s.wants("caller who waited", first, answer{err: errPaper, at: 10 * time.Second})
		if left := s.wantsRetryError(errPaper); left != time.Second {
			s.Errorf("time left is %v, want 1s from the end of the load", left)
		}
		s.until(10*time.Second + 999*ms)
		if left := s.wantsRetryError(errPaper); left != ms {
			s.Errorf("time left is %v, want 1ms", left)
		}
		s.wantsNothingKept()
		s.until(time.Hour)
		s.wantsLoads(1) // nobody has asked since

		next := s.call(s.Context())
		s.wantsLoads(2)
		s.loads[1].returns(7, nil)
		s.wants("next caller", next, answer{value: 7, at: time.Hour})
		s.wantsKept(7)
	})
}

// The moment at which the wait is over belongs to the next load.
func TestLoadAtTheEndOfTheWait(t *testing.T) {
	tell(t, future.Config{RetryMin: time.Second}, func(s *story) {
		s.call(s.Context())
		s.loads[0].returns(0, errPaper)
		s.until(time.Second)
		s.call(s.Context())
		s.wantsLoads(2)
		s.loads[1].returns(7, nil)
	})
}

// What was raised once is told as an error while nothing runs.
func TestEveryKindOfFailureIsRemembered(t *testing.T) {
	for name, tt := range map[string]struct {
		end  func() (int, error)
		want error
	}{
		"error":  {func() (int, error) { return 1, errPaper }, errPaper},
		"panic":  {func() (int, error) { panic(errPaper) }, errPaper},
		"goexit": {func() (int, error) { runtime.Goexit(); return 1, nil }, future.ErrGoexit},
	} {
		t.Run(name, func(t *testing.T) {
			tell(t, future.Config{RetryMin: time.Second}, func(s *story) {
				s.call(s.Context())
				s.loads[0].ends(tt.end)
				s.wantsRetryError(tt.want)
				s.wantsLoads(1)
			})
		})
	}
	t.Run("timeout", func(t *testing.T) {
		tell(t, future.Config{RetryMin: time.Second, LoadTimeout: time.Second}, func(s *story) {
			s.call(s.Context())
			s.until(time.Second)
			s.wantsRetryError(future.ErrLoadTimeout)
			s.loads[0].returns(7, nil)
			s.wantsRetryError(future.ErrLoadTimeout)
			s.wantsLoads(1)
		})
	})
}

func TestResetEndsTheWait(t *testing.T) {
	tell(t, future.Config{RetryMin: time.Hour}, func(s *story) {
		s.call(s.Context())
		s.loads[0].returns(0, errPaper)
		s.wantsRetryError(errPaper)
		s.f.Reset()
		next := s.call(s.Context())
		s.wantsLoads(2)
		s.loads[1].returns(7, nil)
		s.wants("next caller", next, answer{value: 7})
	})
}

// fail makes the next load fail and gives the wait after it.
func (s *story) fail() time.Duration {
	s.Helper()
	n := len(s.loads)
	s.call(s.Context())
	s.wantsLoads(n + 1)
	s.loads[n].returns(0, errPaper)
	return s.wantsRetryError(errPaper)
}

// Each wait lies between RetryMin and the ceiling, and comes near to both in
// many trials: the chance that 500 fair draws all miss a fifth of the range is
// below 1e-48.
func TestWaitGrowsAndIsRandom(t *testing.T) {
	ceilings := []time.Duration{20 * ms, 40 * ms, 80 * ms, 100 * ms, 100 * ms}
	const least = 10 * ms
	shortest := []time.Duration{time.Hour, time.Hour, time.Hour, time.Hour, time.Hour}
	longest := make([]time.Duration, len(ceilings))
	tell(t, future.Config{RetryMin: least, RetryMax: 100 * ms}, func(s *story) {
		for range 500 {
			for i, ceiling := range ceilings {
				wait := s.fail()
				if wait < least || wait > ceiling {
					s.Fatalf("wait after failure %d is %v, want from %v to %v", i+1, wait, least, ceiling)
				}
				shortest[i], longest[i] = min(shortest[i], wait), max(longest[i], wait)
				s.until(s.age() + wait)
			}
			s.f.Reset()
		}
	})
	for i, ceiling := range ceilings {
		fifth := (ceiling - least) / 5
		if shortest[i] > least+fifth || longest[i] < ceiling-fifth {
			t.Errorf("waits after failure %d were from %v to %v, want them spread from %v to %v", i+1, shortest[i], longest[i], least, ceiling)
		}
	}
}

// A Reset is the only way from a value to another load.
func TestResetEndsTheRowOfFailures(t *testing.T) {
	tell(t, future.Config{RetryMin: time.Second, RetryMax: time.Hour}, func(s *story) {
		for _, value := range []bool{true, false} {
			for range 10 {
				s.until(s.age() + s.fail())
			}
			if value {
				s.call(s.Context())
				s.loads[len(s.loads)-1].returns(7, nil)
				s.wantsKept(7)
			}
			for range 100 {
				s.f.Reset()
				if wait := s.fail(); wait > 2*time.Second {
					s.Fatalf("wait after a first failure is %v, want 2s at the most", wait)
				}
			}
			s.f.Reset()
		}
	})
}

func TestHugeWaits(t *testing.T) {
	const most = time.Duration(math.MaxInt64)
	for _, least := range []time.Duration{1, time.Hour, most - 1, most} {
		tell(t, future.Config{RetryMin: least, RetryMax: most}, func(s *story) {
			if wait := s.fail(); wait < least {
				s.Errorf("wait is %v, want %v at the least", wait, least)
			}
		})
	}
}

func TestManyFailuresInARow(t *testing.T) {
	tell(t, future.Config{RetryMin: 1, RetryMax: 3}, func(s *story) {
		for i := range 200 {
			ceiling := time.Duration(3)
			if i%20 == 0 {
				s.f.Reset()
				ceiling = 2
			}
			if wait := s.fail(); wait < 1 || wait > ceiling {
				s.Fatalf("wait after failure %d is %v, want 1ns to %v", i%20+1, wait, ceiling)
			}
			s.until(s.age() + 3)
		}
	})
}

func TestRetryErrorReads(t *testing.T) {
	err := &future.RetryError{Err: errPaper, After: 3 * time.Second}
	if got, want := err.Error(), "future: next load in 3s at the soonest; the last one failed: out of paper"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	if !errors.Is(err, errPaper) {
		t.Error("errors.Is does not find the failure in a RetryError")
	}
}

func TestValidate(t *testing.T) {
	for _, cfg := range []future.Config{
		{},
		{RetryMin: 1},
		{RetryMin: 1, RetryMax: 1},
		{RetryMin: 1, RetryMax: 2, LoadTimeout: 1},
	} {
		if err := cfg.Validate(); err != nil {
			t.Errorf("%+v: %v, want no fault", cfg, err)
		}
	}
	for _, tt := range []struct {
		cfg  future.Config
		want []string
	}{
		{future.Config{MaxCallers: -4}, []string{"MaxCallers is -4, want 0 (100000) or more"}},
		{future.Config{LoadTimeout: -1}, []string{"LoadTimeout is -1ns"}},
		{future.Config{RetryMin: -2}, []string{"RetryMin is -2ns"}},
		{future.Config{RetryMin: 2, RetryMax: 1}, []string{"RetryMax is 1ns", "which is 2ns"}},
		{future.Config{RetryMax: 3}, []string{"RetryMax is 3ns", "RetryMin is 0"}},
		{future.Config{RetryMax: -3}, []string{"RetryMax is -3ns"}},
		{future.Config{LoadTimeout: -1, RetryMin: -2, RetryMax: -3}, []string{"LoadTimeout is -1ns", "RetryMin is -2ns", "RetryMax is -3ns"}},
	} {
		err := tt.cfg.Validate()
		if err == nil {
			t.Errorf("%+v: no fault", tt.cfg)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%+v: %q does not say %q", tt.cfg, err, want)
			}
		}
	}
}
