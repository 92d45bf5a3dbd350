package advise

import (
	"math"
	"math/bits"
	"slices"

	"github.com/onefold-go/onefold/advise/trace"
)

// facts are what records tell beside the time and the key. Their order does
// not matter.
type facts struct {
	ops     [trace.Other + 1]int64
	cache   [trace.Bypass + 1]int64
	hints   [8]int64
	clients bool // some record names one

	sizes     int64
	sizeSum   float64
	latencies reservoir
	ttls      reservoir
	evidence  map[uint64]*evidence
	waiting   map[uint64]uint8 // keys seen fewer than evidenceFrom times
}

// evidence is what bears on whether callers of a key get one answer.
type evidence struct {
	requests     int64
	clients      [16]uint64 // a bitmap by hash: see estimate
	hints        trace.Hints
	allowed      bool // a status of 2xx or 3xx
	refused      bool // 401 or 403
	least, most  int64
	lastSize     int64
	lastAt       int64
	quickChanges int64 // of the size, within a second
}

// Of so many keys evidence is kept: of the first that are seen evidenceFrom
// times, and in the first evidenceRequests requests. Frequent keys are seen
// early.
const (
	evidenceRequests = 2_000_000
	evidenceKeys     = 8192
	evidenceFrom     = 8
	waitingKeys      = 1 << 17
)

func (f *facts) add(r *trace.Record) {
	f.ops[min(r.Op, trace.Other)]++
	f.cache[min(r.Cache, trace.Bypass)]++
	for h := r.Hints; h != 0; h &= h - 1 {
		f.hints[bits.TrailingZeros8(uint8(h))]++
	}
	if r.Size >= 0 {
		f.sizes++
		f.sizeSum += float64(r.Size)
	}
	if r.TTL > 0 {
		f.ttls.add(r.TTL)
	}
	if r.Op != trace.Read {
		return
	}
	if loads(r) {
		f.latencies.add(r.Duration)
	}
	if f.ops[trace.Read] > evidenceRequests {
		return
	}
	e := f.evidenceOf(r.Key)
	if e == nil {
		return
	}
	e.requests++
	e.hints |= r.Hints
	if r.Client != 0 {
		f.clients = true
		h := scramble(r.Client)
		e.clients[h>>6&15] |= 1 << (h & 63)
	}
	switch {
	case r.Status == 401 || r.Status == 403:
		e.refused = true
	case r.Status >= 200 && r.Status < 400:
		e.allowed = true
	}
	if r.Size > 0 && (r.Status == 0 || r.Status == 200) {
		if e.most == 0 || r.Size < e.least {
			e.least = r.Size
		}
		e.most = max(e.most, r.Size)
		if e.lastSize > 0 && e.lastSize != r.Size && r.Time-e.lastAt < 1e9 {
			e.quickChanges++
		}
		e.lastSize, e.lastAt = r.Size, r.Time
	}
}

// loads reports whether r's duration is that of a load: what a cache answered
// tells nothing of the source.
func loads(r *trace.Record) bool {
	return r.Duration >= 0 && r.Cache != trace.Hit && r.Cache != trace.Stale
}

func (f *facts) evidenceOf(key uint64) *evidence {
	if e := f.evidence[key]; e != nil {
		return e
	}
	if f.evidence == nil {
		f.evidence = make(map[uint64]*evidence)
		f.waiting = make(map[uint64]uint8)
	}
	if len(f.evidence) >= evidenceKeys {
		return nil
	}
	n, known := f.waiting[key]
	if !known && len(f.waiting) >= waitingKeys {
		return nil
	}
	if n+1 < evidenceFrom {
		f.waiting[key] = n + 1
		return nil
	}
	delete(f.waiting, key)
	e := &evidence{requests: int64(n)}
	f.evidence[key] = e
	return e
}

// estimate is about how many clients asked, from how many bits of the bitmap
// are set (K.-Y. Whang and others, A Linear-Time Probabilistic Counting
// Algorithm, 1990). It is good for up to a few thousand.
func (e *evidence) estimate() int64 {
	const size = 1024
	set := 0
	for _, w := range e.clients {
		set += bits.OnesCount64(w)
	}
	if set >= size {
		set = size - 1
	}
	return int64(math.Round(-size * math.Log(1-float64(set)/size)))
}

// A reservoir keeps a sample of numbers, all of them as long as they are few:
// every step-th, with step doubled when there are too many. It is no random
// sample, so that it is the same each time.
type reservoir struct {
	seen int64
	step int64
	kept []int64
}

const reservoirSize = 1 << 17

func (r *reservoir) add(v int64) {
	if r.step == 0 {
		r.step = 1
	}
	if r.seen%r.step == 0 {
		if len(r.kept) == reservoirSize {
			for i := range reservoirSize / 2 {
				r.kept[i] = r.kept[2*i]
			}
			r.kept = r.kept[:reservoirSize/2]
			r.step *= 2
		}
		if r.seen%r.step == 0 {
			r.kept = append(r.kept, v)
		}
	}
	r.seen++
}

func (r *reservoir) median() int64 {
	if len(r.kept) == 0 {
		return 0
	}
	s := slices.Clone(r.kept)
	slices.Sort(s)
	return s[len(s)/2]
}
