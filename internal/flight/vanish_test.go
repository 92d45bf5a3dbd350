package flight_test

import (
	"fmt"
	"testing"

	"github.com/onefold-go/onefold/internal/flight"
)

// vanish is VanishLocked, under the lock.
func vanish(f *fly) bool {
	s := f.Shard()
	s.Lock()
	defer s.Unlock()
	return f.VanishLocked()
}

// A flight is used again only where nobody but its leader can know of it.
func TestVanish(t *testing.T) {
	for name, tt := range map[string]struct {
		before func(*table, *fly)
		want   bool
	}{
		"undisturbed":     {func(*table, *fly) {}, true},
		"joined":          {func(_ *table, f *fly) { join(f) }, false},
		"joined and left": {func(_ *table, f *fly) { join(f); f.Leave(true) }, false},
		"removed":         {func(_ *table, f *fly) { remove(f) }, false},
		"replaced":        {func(tab *table, f *fly) { remove(f); lead(tab, "k") }, false},
		"settled":         {func(_ *table, f *fly) { settle(f, flight.Ending[int]{Value: 1}, nil) }, false},
		"looked at":       {func(_ *table, f *fly) { s := f.Shard(); s.Lock(); s.LoadingLocked(); s.Unlock() }, false},
		"waited for by Close": {func(_ *table, f *fly) {
			s := f.Shard()
			s.Lock()
			s.Drained = make(chan struct{}) // its end is to close it
			s.Unlock()
		}, false},
	} {
		tab := newTable()
		f := lead(tab, "k")
		tt.before(tab, f)
		current := find(tab, "k")
		if got := vanish(f); got != tt.want {
			t.Errorf("a flight that is %s vanishes: %v, want %v", name, got, tt.want)
		}
		if now := find(tab, "k"); tt.want && now != nil || !tt.want && now != current {
			t.Errorf("%s: the flight in the table is %p, and was %p", name, now, current)
		}
	}
}

// What is kept for loads to come is bounded, however many there were.
func TestSparesAreBounded(t *testing.T) {
	const burst = 1000
	for name, end := range map[string]func(*fly) bool{
		"vanished": vanish,
		"given back": func(f *fly) bool {
			settle(f, flight.Ending[int]{Value: 1}, nil)
			s := f.Shard()
			s.Lock()
			defer s.Unlock()
			f.ReturnedLocked()
			f.Take()
			return f.SpareLocked()
		},
	} {
		tab := newTable()
		var flights []*fly
		for i := range burst {
			flights = append(flights, lead(tab, fmt.Sprint(i)))
		}
		spares := make(map[*flight.Shard[string, int, none]]int)
		for _, f := range flights {
			s := f.Shard()
			if end(f) {
				spares[s]++
			}
		}
		for s, n := range spares {
			if n > 16 {
				t.Errorf("%s: a shard %p keeps %d flights, want 16 or fewer", name, s, n)
			}
		}
	}
}
