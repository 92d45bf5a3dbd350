package sim_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/onefold-go/onefold/advise/sim"
)

func TestLoaderMoments(t *testing.T) {
	l, err := sim.ParseLoader("p50=20ms, p99=200ms")
	if err != nil {
		t.Fatal(err)
	}
	sigma := math.Log(10) / 2.3263478740408408
	mean := 0.020 * math.Exp(sigma*sigma/2)
	if got := l.Mean().Seconds(); math.Abs(got-mean) > 1e-6 {
		t.Errorf("mean %v, want %v", got, mean)
	}
	if got, want := l.CV2(), math.Exp(sigma*sigma)-1; math.Abs(got-want) > 1e-4 {
		t.Errorf("CV2 %v, want %v", got, want)
	}
	for _, p := range []float64{0.001, 0.5, 0.9, 0.99, 0.9999} {
		if got := l.Share(l.Quantile(p)); math.Abs(got-p) > 1e-6 {
			t.Errorf("Share(Quantile(%v)) = %v", p, got)
		}
	}
	if got, want := l.Quantile(0.99), 200*time.Millisecond; (got - want).Abs() > time.Microsecond {
		t.Errorf("p99 %v, want %v", got, want)
	}
}

func TestLoaderRefuses(t *testing.T) {
	for _, text := range []string{"", "x", "-1s", "p50=20ms", "p50=20ms,p50=30ms", "p50=20ms,p99=10ms", "p50=20ms,p100=1s", "q50=1ms,p99=2ms", "p50=0s,p99=1s", "p50=20ms,p99", "pNaN=1s,p99=2s"} {
		if l, err := sim.ParseLoader(text); err == nil {
			t.Errorf("ParseLoader(%q) = %v, want an error", text, l)
		} else if !strings.HasPrefix(err.Error(), "sim: ") {
			t.Errorf("ParseLoader(%q): %v, want it to begin with the package", text, err)
		}
	}
	if _, err := sim.Samples([]int64{-1}); err == nil {
		t.Error("Samples without a measurement: no error")
	}
}

func TestNotValidPanics(t *testing.T) {
	for _, arm := range []sim.Arm{{TTL: -1}, {Jitter: 2}, {Jitter: math.NaN()}, {Wait: 1}, {Early: math.Inf(1)}, {Start: 9}} {
		if arm.Validate() == nil {
			t.Errorf("%+v is valid", arm)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Run with %+v did not panic", arm)
				}
			}()
			new(sim.Trace).Run(sim.Setting{}, arm)
		}()
	}
}
