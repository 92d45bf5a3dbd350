package tracegen

import "math/rand/v2"

// twice says which accesses are recorded a second time, and which line comes
// next of those that are held back.
type twice struct {
	share float64
	r     *rand.Rand
}

func newTwice(w Workload) *twice { return &twice{w.Twice, rand.New(rand.NewPCG(w.Seed, 6))} }

func (t *twice) again() bool { return t.share > 0 && t.r.Float64() < t.share }
