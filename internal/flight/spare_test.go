package flight_test

import (
	"runtime"
	"testing"
	"weak"

	"github.com/onefold-go/onefold/internal/flight"
)

type bigKey [1 << 12]byte

// A flight that nobody but its leader can know of is used again; it is as new,
// and keeps nothing until then.
func TestFlightIsUsedAgain(t *testing.T) {
	type fly = flight.Flight[*bigKey, int, *bigKey]
	for name, end := range map[string]func(f *fly) bool{
		"vanished": (*fly).VanishLocked,
		"spared": func(f *fly) bool {
			f.BlockLocked()
			f.SettleLocked(flight.Ending[int]{Value: 1}, nil)
			f.ReturnedLocked()
			return f.SpareLocked()
		},
	} {
		var tab flight.Table[*bigKey, int, *bigKey]
		tab.Init()
		key := new(bigKey)
		s, hash := tab.Shard(key)
		s.Lock()
		f := s.LeadLocked(key, hash)
		f.X = key
		if !end(f) {
			t.Errorf("%s: the flight was not taken", name)
		}
		if s.Running != 0 || s.LenLocked() != 0 {
			t.Errorf("%s: %d loads and %d flights are left, want none", name, s.Running, s.LenLocked())
		}
		gone := weak.Make(key)
		key = nil
		runtime.GC()
		if gone.Value() != nil {
			t.Errorf("%s: the flight keeps what it was for", name)
		}
		other := new(bigKey)
		g := s.LeadLocked(other, hash)
		if g != f {
			t.Errorf("%s: the flight was not used again", name)
		}
		if g.Settled() != nil || g.SettledLocked() || g.WaitingLocked() != 1 || g.X != nil || g.Key != other || s.FindLocked(other, hash) != g {
			t.Errorf("%s: the flight is not as new: %+v", name, g)
		}
		s.Unlock()
	}
}

// Whoever else may have a way to a flight keeps it from being used again.
func TestFlightThatOthersKnow(t *testing.T) {
	type (
		fly   = flight.Flight[int, int, none]
		shard = flight.Shard[int, int, none]
	)
	for name, meet := range map[string]func(s *shard, f *fly){
		"joined":   func(_ *shard, f *fly) { f.JoinLocked() },
		"detached": func(s *shard, f *fly) { s.DetachLocked(f) },
		"listed":   func(s *shard, _ *fly) { s.LoadingLocked() },
	} {
		var tab flight.Table[int, int, none]
		tab.Init()
		s, hash := tab.Shard(1)
		s.Lock()
		f := s.LeadLocked(1, hash)
		meet(s, f)
		if f.VanishLocked() {
			t.Errorf("a flight that was %s has vanished", name)
		}
		f.SettleLocked(flight.Ending[int]{Value: 1}, nil)
		f.ReturnedLocked()
		if f.SpareLocked() {
			t.Errorf("a flight that was %s is used again", name)
		}
		if e, _ := f.Take(); e.Value != 1 {
			t.Errorf("a flight that was %s has %+v, want 1", name, e)
		}
		s.Unlock()
	}
}

// After many loads at once a shard keeps a few flights, not all.
func TestSpareFlightsAreFew(t *testing.T) {
	var tab flight.Table[int, int, none]
	tab.Init()
	s, _ := tab.Shard(0)
	s.Lock()
	defer s.Unlock()
	const loads = 1000
	flights := make([]*flight.Flight[int, int, none], loads)
	for i := range flights {
		flights[i] = s.LeadLocked(i, 0)
	}
	kept := 0
	for _, f := range flights {
		if f.VanishLocked() {
			kept++
		}
	}
	if kept == 0 || kept > 16 {
		t.Errorf("%d of %d flights are kept, want 1 to 16", kept, loads)
	}
}
