package sim

import (
	"math"
	"time"
)

// A Hot is one key that is asked for at random instants: a Poisson process of
// Rate requests a second, over a loader, with values that are fresh for TTL.
// For such a key what the arms do is known without a simulation.
//
// All formulas are of renewal theory (W. Feller, An Introduction to Probability
// Theory and Its Applications, vol. II, 1971, chapter XI): the key's life is a
// row of cycles that are alike and independent, so that a rate is what one
// cycle has of something over what one cycle lasts. Without the time of the
// load they are those of J. Jung, A. W. Berger and H. Balakrishnan, Modeling
// TTL-based Internet Caches, INFOCOM 2003; requests that wait for a load are the
// delayed hits of N. Atre, J. Sherry, W. Wang and D. S. Berger, Caching with
// Delayed Hits, SIGCOMM 2020.
type Hot struct {
	Rate   float64
	TTL    time.Duration
	Loader Loader
}

func (h Hot) mean() float64 { return h.Loader.mean / 1e9 }

// CoalescedLoadRate is the loads a second with coalescing: a cycle is a load, a
// TTL, and the time until the next request, 1/(m + T + 1/a).
func (h Hot) CoalescedLoadRate() float64 {
	return 1 / (h.mean() + h.TTL.Seconds() + 1/h.Rate)
}

// JoinedPerLoad is how many callers wait for another's load, for each load: the
// requests in a load's time, a*m.
func (h Hot) JoinedPerLoad() float64 { return h.Rate * h.mean() }

// MeanWait is the mean wait of a caller with coalescing, hits included. In a
// cycle of 1 + a(m+T) callers the first waits m, and those that come during a
// load L, a*L of them, wait L/2 each: (m + a E[L^2]/2) / (1 + a(m+T)).
func (h Hot) MeanWait() time.Duration {
	wait := (h.mean() + h.Rate*h.Loader.Square()/2) / (1 + h.Rate*(h.mean()+h.TTL.Seconds()))
	return time.Duration(wait * 1e9)
}

// LoadsPerCycle is how many loads one expiry causes without coalescing: the
// first, and all requests until the first of the loads to end brings a value,
// 1 + a E[tau]. No load has ended by t if the first takes longer and none of
// those that came at s < t, as a Poisson process, takes less than t-s:
// E[tau] = int P(L>t) exp(-a int_0^t P(L<=s) ds) dt. For a constant L it is 1 + aL.
//
// It holds where the TTL is longer than any load.
func (h Hot) LoadsPerCycle() float64 {
	if h.Loader.Constant() {
		return 1 + h.Rate*h.mean()
	}
	const steps = 200_000
	end := float64(h.Loader.Quantile(1-1e-9)) / 1e9
	dt := end / steps
	var tau, inner float64
	for i := range steps {
		t := (float64(i) + 0.5) * dt
		share := h.Loader.Share(time.Duration(t * 1e9))
		inner += share * dt
		tau += (1 - share) * math.Exp(-h.Rate*(inner-share*dt/2)) * dt
	}
	return 1 + h.Rate*tau
}

// UncoalescedCycle is the time from one expiry's first load to the next
// without coalescing, for a loader that always takes L: the last load to begin
// sets the value. It begins at the last request before the first load ends, on
// average L - (1-e^(-aL))/a after the first, ends L later, and then there are T
// and 1/a: 2L + T + e^(-aL)/a.
func (h Hot) UncoalescedCycle() time.Duration {
	m := h.mean()
	return time.Duration((2*m + h.TTL.Seconds() + math.Exp(-h.Rate*m)/h.Rate) * 1e9)
}

// EarlyLoadsPerCycle is how many loads early refresh makes of one expiry
// without coalescing, for a key so hot that somebody always draws a large
// number: e^(1/beta), whatever the rate. The rate of draws that hit grows as
// e^(t/(beta*delta)); the first comes when its integral is X, exponential with
// the mean 1, and one load later the integral is X*e^(1/beta). (Early refresh:
// A. Vattani, F. Chierichetti and K. Lowenstein, Optimal Probabilistic Cache
// Stampede Prevention, PVLDB 8(8), 2015.)
func EarlyLoadsPerCycle(beta float64) float64 { return math.Exp(1 / beta) }
