package foldtest_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/onefold-go/onefold/foldtest"
	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/tier"
)

func TestMemIsANear(t *testing.T) {
	foldtest.TestNear(t, func() tier.Near[string, int] { return mem.New[string, int](mem.Config{MaxEntries: 10}) })
}

// A mapNear is a near tier that may be broken.
type mapNear struct {
	mu      sync.Mutex
	entries map[string]*tier.Entry[int]

	keepsDeleted, keepsCleared, keepsOld, keepsNothing bool
}

func (n *mapNear) Get(key string) *tier.Entry[int] {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.entries[key]
}

func (n *mapNear) Set(key string, e *tier.Entry[int]) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.entries == nil {
		n.entries = make(map[string]*tier.Entry[int])
	}
	if n.keepsNothing || (n.keepsOld && n.entries[key] != nil) {
		return
	}
	n.entries[key] = e
}

func (n *mapNear) Delete(key string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.keepsDeleted {
		delete(n.entries, key)
	}
}

func (n *mapNear) Clear() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.keepsCleared {
		clear(n.entries)
	}
}

func TestNearFindsBrokenTiers(t *testing.T) {
	for check, broken := range map[string]*mapNear{
		"":                    {}, // none
		"DeleteAndClear":      {keepsCleared: true},
		"UnderACache":         {keepsDeleted: true},
		"HoldsWhatItWasGiven": {keepsNothing: true},
		"ConcurrentWriters":   {keepsOld: true},
	} {
		failed := foldtest.NearFaults(t, func() tier.Near[string, int] {
			return &mapNear{keepsDeleted: broken.keepsDeleted, keepsCleared: broken.keepsCleared, keepsOld: broken.keepsOld, keepsNothing: broken.keepsNothing}
		})
		if check == "" && len(failed) > 0 || check != "" && !slices.Contains(failed, check) {
			t.Errorf("%v failed, want %q", failed, check)
		}
	}
}
