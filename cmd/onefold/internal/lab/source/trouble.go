package source

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"
)

// TroubleOptions says what goes wrong. The zero TroubleOptions is no trouble.
type TroubleOptions struct {
	// Fail is the share of loads, from 0 to 1, that return ErrInjected. They
	// fail at once and without asking the source, as a server does that
	// answers 500.
	Fail float64

	// Slow is the share of the other loads, from 0 to 1, that take SlowBy
	// longer. The source is asked at once; it is the answer that is slow to
	// arrive, so that it may be old when it does.
	Slow   float64
	SlowBy time.Duration

	// Seed chooses which loads are hit: it is a function of the seed and of
	// the load's number, counted from 0 in the order in which loads began.
	Seed uint64
}

// Trouble returns src with loads that fail and loads that are slow. Updates
// have none.
func Trouble(src Source, o TroubleOptions) Source {
	return &troubled{Source: src, TroubleOptions: o}
}

type troubled struct {
	Source
	TroubleOptions
	begun atomic.Uint64
}

func (t *troubled) Load(ctx context.Context, key string) (Record, error) {
	if err := ended(ctx); err != nil {
		return Record{}, err
	}
	number := t.begun.Add(1) - 1
	if draw(t.Seed, 2*number) < t.Fail {
		return Record{}, ErrInjected
	}
	r, err := t.Source.Load(ctx, key)
	if err != nil || draw(t.Seed, 2*number+1) >= t.Slow {
		return r, err
	}

	delay := time.NewTimer(t.SlowBy)
	defer delay.Stop()
	select {
	case <-delay.C:
		return r, nil
	case <-ctx.Done():
		return Record{}, ended(ctx)
	}
}

func (t *troubled) String() string {
	var b strings.Builder
	fmt.Fprint(&b, t.Source)
	if t.Fail > 0 {
		fmt.Fprintf(&b, ", %g %% of loads fail", 100*t.Fail)
	}
	if t.Slow > 0 {
		fmt.Fprintf(&b, ", %g %% take %v longer", 100*t.Slow, t.SlowBy)
	}
	return b.String()
}

// draw returns number i, in [0, 1), of the sequence that begins at the seed.
// It is SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom
// number generators", 2014), whose numbers can be had in any order.
func draw(seed, i uint64) float64 {
	z := seed + (i+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	return float64(z>>11) / (1 << 53)
}
