package flight_test

import (
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
	"weak"

	"github.com/onefold-go/onefold/internal/flight"
)

type (
	table = flight.Table[string, int, none]
	fly   = flight.Flight[string, int, none]
	none  = struct{}
)

// lead starts a flight of key.
func lead(t *table, key string) *fly {
	s, hash := t.Shard(key)
	s.Lock()
	defer s.Unlock()
	return s.LeadLocked(key, hash)
}

// find gives the current flight of key.
func find(t *table, key string) *fly {
	s, hash := t.Shard(key)
	s.Lock()
	defer s.Unlock()
	return s.FindLocked(key, hash)
}

func join(f *fly) {
	f.Shard().Lock()
	defer f.Shard().Unlock()
	f.JoinLocked()
}

func settle(f *fly, e flight.Ending[int], store func(string, int)) bool {
	f.Shard().Lock()
	defer f.Shard().Unlock()
	return f.SettleLocked(e, store)
}

func newTable() *table {
	t := new(table)
	t.Init()
	return t
}

func TestSettle(t *testing.T) {
	tab := newTable()
	f := lead(tab, "k")
	join(f)
	if find(tab, "k") != f || find(tab, "other") != nil {
		t.Fatal("a flight under way is not found, or found by another key")
	}
	stored := 0
	store := func(key string, v int) { stored++ }
	if !settle(f, flight.Ending[int]{Value: 7}, store) {
		t.Error("the first end does not settle the flight")
	}
	if settle(f, flight.Ending[int]{Value: 8}, store) {
		t.Error("a second end settles it again")
	}
	if stored != 1 || find(tab, "k") != nil {
		t.Errorf("the value was stored %d times, and the flight is in the table: %v", stored, find(tab, "k") != nil)
	}
	f.Wake()
	<-f.Settled()
	for range 2 {
		if left, _ := f.Leave(true); left {
			t.Error("a caller leaves a flight that has settled")
		}
		if e, served := f.Take(); e.Value != 7 || e.Err != nil || served != 2 {
			t.Errorf("a caller takes %+v of %d, want 7 of 2", e, served)
		}
	}
	if e, _ := f.Take(); e.Value != 0 {
		t.Error("the value is there after the last caller took it")
	}
}

// Only a current flight that did well has something to store.
func TestSettleStoresNothing(t *testing.T) {
	failure := errors.New("out of paper")
	for name, tt := range map[string]struct {
		before func(*fly)
		e      flight.Ending[int]
	}{
		"failed":    {func(*fly) {}, flight.Ending[int]{Value: 7, Err: failure}},
		"removed":   {remove, flight.Ending[int]{Value: 7}},
		"abandoned": {func(f *fly) { f.Leave(true) }, flight.Ending[int]{Value: 7}},
	} {
		f := lead(newTable(), "k")
		tt.before(f)
		settle(f, tt.e, func(string, int) { t.Errorf("%s: the value was stored", name) })
	}
}

// The key is freed after the value is stored: a lock that is let go between the
// two would show a table with neither.
func TestSettleStoresBeforeItFreesTheKey(t *testing.T) {
	tab := newTable()
	f := lead(tab, "k")
	s, hash := tab.Shard("k")
	stored := false
	settle(f, flight.Ending[int]{Value: 7}, func(key string, _ int) {
		stored = true
		if s.TryLock() {
			t.Error("the value is stored without the lock")
			s.Unlock()
		}
		if s.FindLocked(key, hash) != f {
			t.Error("the key was freed before the value is stored")
		}
	})
	if !stored {
		t.Error("the value was not stored")
	}
}

func remove(f *fly) {
	f.Shard().Lock()
	defer f.Shard().Unlock()
	f.Shard().RemoveLocked(f)
}

func TestLeave(t *testing.T) {
	tab := newTable()
	f := lead(tab, "k")
	join(f)
	if left, abandoned := f.Leave(true); !left || abandoned {
		t.Errorf("the first of two leaves: %v, %v; want true, false", left, abandoned)
	}
	if left, abandoned := f.Leave(false); !left || abandoned || find(tab, "k") != f {
		t.Errorf("the last leaves a flight that goes on: %v, %v; want true, false, and to find it", left, abandoned)
	}
	join(f)
	if left, abandoned := f.Leave(true); !left || !abandoned || find(tab, "k") != nil {
		t.Errorf("the last leaves: %v, %v; want true, true, and not to find it", left, abandoned)
	}
	next := lead(tab, "k")
	if settle(f, flight.Ending[int]{Value: 7}, nil) {
		t.Error("an abandoned flight settles")
	}
	if find(tab, "k") != next {
		t.Error("an abandoned flight took its successor along")
	}
}

func TestOnlyWhoBlocksMakesAChannel(t *testing.T) {
	f := lead(newTable(), "k")
	if f.Settled() != nil {
		t.Error("a lone leader has a channel to wait on")
	}
	settle(f, flight.Ending[int]{}, nil)
	f.Wake() // wakes nobody

	f = lead(newTable(), "k")
	join(f)
	first := f.Settled()
	join(f)
	if first == nil || f.Settled() != first {
		t.Error("two joiners have two channels, or none")
	}
}

func TestCall(t *testing.T) {
	failure := errors.New("out of paper")
	if e := flight.Call(func() flight.Ending[int] { return flight.Ending[int]{Value: 7, Err: failure} }); e.How != flight.Returned || e.Value != 7 || e.Err != failure || e.Panic() != nil {
		t.Errorf("a load that returns came to %+v", e)
	}
	e := flight.Call(jam)
	if p := e.Panic(); e.How != flight.Panicked || p == nil || p.Value != "jam" || !strings.Contains(string(p.Stack), "flight_test.jam(") {
		t.Errorf("a load that panics came to %+v", e)
	}
	exited := make(chan bool)
	go func() {
		defer close(exited)
		flight.Call(func() flight.Ending[int] { runtime.Goexit(); return flight.Ending[int]{Value: 7} })
		exited <- false
	}()
	if _, returned := <-exited; returned {
		t.Error("a load that exits has not ended its goroutine")
	}
}

func jam() flight.Ending[int] { panic("jam") }

// A context may keep a flight for long. It must not keep those that came after.
func TestRemovedFlightKeepsNoOther(t *testing.T) {
	tab := newTable()
	var flights []*fly
	for i := range 1000 {
		flights = append(flights, lead(tab, strings.Repeat("k", i)))
	}
	slices.Reverse(flights) // newest first: chains lead from newer to older
	kept := flights[0]
	var others []weak.Pointer[fly]
	for _, f := range flights {
		settle(f, flight.Ending[int]{}, nil)
		if f != kept {
			others = append(others, weak.Make(f))
		}
	}
	clear(flights)
	runtime.GC()
	for i, other := range others {
		if other.Value() != nil {
			t.Fatalf("flight %d of %d is still in memory", i, len(others))
		}
	}
	runtime.KeepAlive(kept)
	runtime.KeepAlive(tab)
}
