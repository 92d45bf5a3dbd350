package advise

import (
	"math"
	"time"

	"github.com/onefold-go/onefold/advise/sim"
)

// What a [Curve] is over.
const (
	overLoader = "loader"
	overRate   = "rate"
	overTTL    = "ttl"
)

var (
	loaderTimes = []float64{0.01, 0.1, 0.3, 1, 3, 10, 30}
	rateTimes   = []float64{0.1, 0.3, 1, 3, 10}
	ttlTimes    = []float64{0.01, 0.03, 0.1, 0.3, 0.5, 1, 3, 10}
)

// curves runs the cache with and without coalescing as the loader, the rate and
// the TTL change. Without a cache it is the direct arms, and there is no TTL.
func curves(tr *sim.Trace, set sim.Setting, c *Config, loader sim.Loader) []Curve {
	set.PerKey = false
	plain := sim.Arm{TTL: c.TTL, Start: c.Start}
	kinds := []string{overLoader, overRate}
	if c.TTL > 0 && c.TTL != sim.Forever {
		kinds = append(kinds, overTTL)
	}
	var list []Curve
	var arms []sim.Arm
	for _, over := range kinds {
		curve := Curve{Over: over}
		for _, times := range map[string][]float64{overLoader: loaderTimes, overRate: rateTimes, overTTL: ttlTimes}[over] {
			a := plain
			spot := Spot{Times: times, Rate: ratio(float64(tr.Len()), tr.Span().Seconds())}
			switch over {
			case overLoader:
				a.Slow = times
				spot.At = time.Duration(float64(loader.Mean()) * times)
			case overRate:
				a.Rate = times
				spot.Rate *= times
			case overTTL:
				a.TTL = time.Duration(float64(c.TTL) * times)
				spot.At = a.TTL
			}
			both := a
			both.Coalesce = true
			arms = append(arms, a, both)
			curve.Points = append(curve.Points, spot)
		}
		list = append(list, curve)
	}
	outs := tr.Run(set, arms...)
	for i := range list {
		for j := range list[i].Points {
			spot, a, b := &list[i].Points[j], outs[0], outs[1]
			outs = outs[2:]
			seconds := tr.Span().Seconds() // 0: rates are not known
			if list[i].Over == overRate {
				seconds /= spot.Times
			}
			spot.Saved = ratio(float64(a.Loads-b.Loads), float64(a.Loads))
			spot.Plain, spot.Both = ratio(float64(a.Loads), seconds), ratio(float64(b.Loads), seconds)
			spot.Peak, spot.Hits = a.Peak, a.HitRatio()
		}
		list[i].Even = even(list[i].Points, c.Thresholds.SavedShare)
	}
	return list
}

// even is where the saved share crosses the threshold, between the two points
// that are nearest to what the trace has; on logarithmic scales.
func even(points []Spot, threshold float64) float64 {
	best := 0.0
	for i := 1; i < len(points); i++ {
		a, b := points[i-1], points[i]
		if (a.Saved < threshold) == (b.Saved < threshold) {
			continue
		}
		part := (threshold - a.Saved) / (b.Saved - a.Saved)
		times := a.Times * math.Pow(b.Times/a.Times, part)
		if best == 0 || math.Abs(math.Log(times)) < math.Abs(math.Log(best)) {
			best = times
		}
	}
	return best
}

// stress runs what goes wrong: ten times the rate, an empty cache, loads that
// take ten times as long, and a cache that is emptied now and then.
func stress(tr *sim.Trace, set sim.Setting, c *Config, jitter float64) []*sim.Outcome {
	set.PerKey = false
	bases := []sim.Arm{{Name: armIDs[armDirect]}, {Name: armIDs[armShare], Coalesce: true}}
	if c.TTL > 0 {
		bases = []sim.Arm{
			{Name: armIDs[armCache], TTL: c.TTL},
			{Name: armIDs[armJitter], TTL: c.TTL, Jitter: jitter},
			{Name: armIDs[armBoth], TTL: c.TTL, Coalesce: true},
			{Name: armIDs[armAll], TTL: c.TTL, Coalesce: true, Jitter: jitter},
		}
	}
	var arms []sim.Arm
	for _, b := range bases {
		b.Start = c.Start
		fast, slow, cold, flushed := b, b, b, b
		fast.Name += " at 10 times the rate"
		fast.Rate = 10
		slow.Name += " with loads 10 times as long"
		slow.Slow = 10
		cold.Name += " from an empty cache"
		cold.Start = sim.Cold
		flushed.Name += " emptied four times"
		flushed.FlushEvery = max(tr.Span()/5, time.Second)
		arms = append(arms, fast, slow)
		if c.TTL > 0 {
			arms = append(arms, cold, flushed)
		}
	}
	return tr.Run(set, arms...)
}
