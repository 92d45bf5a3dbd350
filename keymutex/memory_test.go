package keymutex_test

import (
	"runtime"
	"testing"
	"weak"

	"github.com/onefold-go/onefold/keymutex"
)

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what the first one finalized
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// SPEC: M01
func TestMemoryDoesNotGrowWithKeysSeen(t *testing.T) {
	const keys = 100_000
	var m keymutex.Mutex[int]
	round := func(first int) {
		for key := first; key < first+keys; key++ {
			mustLock(t, &m, key)
			m.Unlock(key)
		}
	}
	round(0)
	before := heap()
	round(keys)
	if after := heap(); after > before+keys/10 {
		t.Errorf("%d more keys took %d bytes for good", keys, after-before)
	}
	runtime.KeepAlive(&m)
}

// Many keys held at once make the table large. It is small again when all are
// free, however they were freed.
func TestLargeTableIsGivenBack(t *testing.T) {
	const keys = 100_000
	var m keymutex.Mutex[int]
	mustLock(t, &m, 0)
	m.Unlock(0)
	before := heap()
	for key := range keys {
		mustLock(t, &m, key)
	}
	wantsTraces(t, &m, keys, 0)
	if grown := heap() - before; grown < keys {
		t.Errorf("%d keys take %d bytes: this tests nothing", keys, grown)
	}
	for i := range keys {
		m.Unlock(i * 7919 % keys) // 7919 is prime: each key once, in another order
	}
	if after := heap(); after > before+keys {
		t.Errorf("%d keys that are free keep %d bytes", keys, after-before)
	}
	for key := range 1000 { // and it works as before
		mustLock(t, &m, key)
	}
	wantsTraces(t, &m, 1000, 0)
	runtime.KeepAlive(&m)
}

// A key may lead to much. A free one is not kept, not even in a spare lock.
func TestFreeKeyIsNotKept(t *testing.T) {
	var m keymutex.Mutex[*[64]byte]
	key := new([64]byte)
	held := weak.Make(key)
	mustLock(t, &m, key)
	m.Unlock(key)
	key = nil
	runtime.GC()
	runtime.GC()
	if held.Value() != nil {
		t.Error("a free key is still in memory")
	}
	runtime.KeepAlive(key)
	runtime.KeepAlive(&m)
}
