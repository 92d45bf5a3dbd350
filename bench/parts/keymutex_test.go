package parts

import (
	"fmt"
	"sync"
	"testing"

	"github.com/onefold-go/onefold/keymutex"
)

// A countedMap is what is written by hand where nothing may leak: a map of
// locks, each with the count of those who use it.
type countedMap[K comparable] struct {
	mu    sync.Mutex
	locks map[K]*countedLock // guarded by mu
}

type countedLock struct {
	sync.Mutex

	users int // guarded by countedMap.mu
}

func (m *countedMap[K]) lock(key K) {
	m.mu.Lock()
	l := m.locks[key]
	if l == nil {
		l = new(countedLock)
		m.locks[key] = l
	}
	l.users++
	m.mu.Unlock()
	l.Lock()
}

func (m *countedMap[K]) unlock(key K) {
	m.mu.Lock()
	l := m.locks[key]
	l.users--
	if l.users == 0 {
		delete(m.locks, key)
	}
	m.mu.Unlock()
	l.Unlock()
}

// A leakyMap is what is mostly written: the locks stay for ever.
type leakyMap[K comparable] struct {
	mu    sync.Mutex
	locks map[K]*sync.Mutex // guarded by mu
}

func (m *leakyMap[K]) of(key K) *sync.Mutex {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.locks[key]
	if l == nil {
		l = new(sync.Mutex)
		m.locks[key] = l
	}
	return l
}

// Lock and Unlock of a free key.
func BenchmarkKeymutexFree(b *testing.B) {
	var names [1024]string
	for i := range names {
		names[i] = fmt.Sprint("account:", 10_000+i)
	}
	b.Run("lib=onefold", func(b *testing.B) {
		defer spent(b)()
		var m keymutex.Mutex[string]
		ctx := b.Context()
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			i++
			_ = m.Lock(ctx, names[i&1023])
			m.Unlock(names[i&1023])
		}
	})
	b.Run("lib=counted-map", func(b *testing.B) {
		defer spent(b)()
		m := countedMap[string]{locks: make(map[string]*countedLock)}
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			i++
			m.lock(names[i&1023])
			m.unlock(names[i&1023])
		}
	})
	b.Run("lib=leaky-map", func(b *testing.B) {
		defer spent(b)()
		m := leakyMap[string]{locks: make(map[string]*sync.Mutex)}
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			i++
			m.of(names[i&1023]).Lock()
			m.of(names[i&1023]).Unlock() //nolint:staticcheck // only the locks are measured
		}
	})
}

// All want one key, so that each lock is handed over or fought for.
func BenchmarkKeymutexOneKey(b *testing.B) {
	b.Run("lib=onefold", func(b *testing.B) {
		defer spent(b)()
		var m keymutex.Mutex[string]
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				_ = m.Lock(b.Context(), "k")
				m.Unlock("k")
			}
		})
	})
	b.Run("lib=counted-map", func(b *testing.B) {
		defer spent(b)()
		m := countedMap[string]{locks: make(map[string]*countedLock)}
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				m.lock("k")
				m.unlock("k")
			}
		})
	})
}
