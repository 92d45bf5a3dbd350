package strategy

import (
	"math/rand/v2"
	"sync"
	"time"
)

var jitterKind = Kind{
	Name:     "jitter",
	Title:    "jittered TTL",
	Prevents: "many keys expiring together",
	Misses:   "concurrent misses of one key all load; a load that overlaps an invalidation stores the old value",
	New:      newJitter,
}

// newJitter makes a [check] whose entries live for a TTL shortened at random,
// each by another share. It is the simplest fix, and often enough.
//
// It prevents that entries stored together expire together, so that loads are
// spread over time. It does nothing for one hot key: when that expires, its
// callers still all load. Of invalidations it knows no more than check does.
func newJitter(load Load, cfg Config) (Strategy, error) {
	ttl := jittered(cfg.TTL, cfg.Jitter, cfg.Seed)
	return &check{load: load, cache: newTTLCache(ttl)}, nil
}

// jittered draws times to live between (1-share)*ttl and ttl.
func jittered(ttl time.Duration, share float64, seed uint64) func() time.Duration {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 0)) // guarded by mu
	return func() time.Duration {
		mu.Lock()
		defer mu.Unlock()
		return ttl - time.Duration(share*random.Float64()*float64(ttl))
	}
}
