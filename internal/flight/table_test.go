package flight_test

import (
	"math"
	"testing"

	"github.com/onefold-go/onefold/internal/flight"
	"pgregory.net/rapid"
)

// The table agrees with a map, also while it grows.
func TestTableAgreesWithAMap(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		type fly = flight.Flight[uint8, int, none]
		var (
			tab  flight.Table[uint8, int, none]
			want = make(map[uint8]*fly)
		)
		tab.Init()
		for range rapid.IntRange(1, 600).Draw(rt, "steps") {
			key := rapid.Byte().Draw(rt, "key")
			s, hash := tab.Shard(key)
			s.Lock()
			f := s.FindLocked(key, hash)
			if f != want[key] {
				rt.Errorf("key %d has flight %p, want %p", key, f, want[key])
			}
			switch {
			case f == nil:
				want[key] = s.LeadLocked(key, hash)
			case rapid.IntRange(0, 2).Draw(rt, "remove") == 0:
				s.RemoveLocked(f)
				delete(want, key)
			}
			s.Unlock()
		}
		size, seen := 0, make(map[*fly]bool)
		for i := range tab.Shards() {
			s := &tab.Shards()[i]
			s.Lock()
			size += s.LenLocked()
			for _, f := range s.LoadingLocked() {
				if seen[f] || want[f.Key] != f {
					rt.Errorf("the flight of key %d is listed twice, or should not be", f.Key)
				}
				seen[f] = true
			}
			s.Unlock()
		}
		if size != len(want) || len(seen) != len(want) {
			rt.Errorf("the table has %d flights and lists %d, want %d", size, len(seen), len(want))
		}
	})
}

// A thousand keys of one shard, more than its first chains are made for.
func TestShardGrows(t *testing.T) {
	var tab flight.Table[int, int, none]
	tab.Init()
	var keys []int
	first, _ := tab.Shard(0)
	for key := 0; len(keys) < 1000; key++ {
		if s, _ := tab.Shard(key); s == first {
			keys = append(keys, key)
		}
	}
	first.Lock()
	defer first.Unlock()
	flights := make(map[int]*flight.Flight[int, int, none])
	for _, key := range keys {
		_, hash := tab.Shard(key)
		flights[key] = first.LeadLocked(key, hash)
	}
	if n := first.Chains(); n < 500 {
		t.Errorf("1000 flights are in %d chains, want 500 or more", n)
	}
	for _, key := range keys {
		_, hash := tab.Shard(key)
		if first.FindLocked(key, hash) != flights[key] {
			t.Errorf("key %d is lost", key)
		}
		first.RemoveLocked(flights[key])
	}
	if n := first.LenLocked(); n != 0 || first.Running != 1000 || first.Led != 1000 {
		t.Errorf("%d flights are left, %d run, %d were led; want 0, 1000, 1000", n, first.Running, first.Led)
	}
}

// A hash is no identity.
func TestKeysWithOneHash(t *testing.T) {
	var tab flight.Table[int, int, none]
	tab.Init()
	s := &tab.Shards()[0]
	s.Lock()
	defer s.Unlock()
	one, two := s.LeadLocked(1, 99), s.LeadLocked(2, 99)
	if s.FindLocked(1, 99) != one || s.FindLocked(2, 99) != two || s.FindLocked(3, 99) != nil {
		t.Error("two keys with one hash are mixed up")
	}
	s.RemoveLocked(one)
	if s.FindLocked(1, 99) != nil || s.FindLocked(2, 99) != two {
		t.Error("removing one key removed the other with its hash")
	}
}

// Equal keys have equal hashes, whatever their bits.
func TestZeroIsOneKey(t *testing.T) {
	var tab flight.Table[float64, int, none]
	tab.Init()
	plus, hashPlus := tab.Shard(0)
	minus, hashMinus := tab.Shard(math.Copysign(0, -1))
	if plus != minus || hashPlus != hashMinus {
		t.Error("0 and -0 have different places")
	}
}

// Shards stand side by side in a slice: only whole cache lines keep the lock of
// one out of the line of another.
func TestShardsShareNoCacheLine(t *testing.T) {
	const line = 64
	if size := flight.ShardSize[string, int, none](); size%line != 0 {
		t.Errorf("a shard has %d bytes, which is not a multiple of %d", size, line)
	}
}
