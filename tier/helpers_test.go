package tier_test

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/onefold-go/onefold/codec"
	"github.com/onefold-go/onefold/tier"
)

var errLoad = errors.New("load")

// newCache makes a cache over load with a near tier, and with the given far
// ones.
func newCache[V any](t testing.TB, load func(context.Context, string) (V, error), cfg tier.Config, far ...tier.Far[string, V]) *tier.Cache[string, V] {
	t.Helper()
	return newCacheOver(t, load, cfg, newNear[string, V](), far...)
}

func newCacheOver[K comparable, V any](t testing.TB, load func(context.Context, K) (V, error), cfg tier.Config, near tier.Near[K, V], far ...tier.Far[K, V]) *tier.Cache[K, V] {
	t.Helper()
	c, err := tier.New(load, cfg, near, far...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// newNear makes the near tier of a cache.
func newNear[K comparable, V any]() *tray[K, V] {
	return &tray[K, V]{entries: make(map[K]*tier.Entry[V])}
}

// A tray is a near tier that keeps all it is given. Package mem's takes longer to
// compile than all else here; the tests that go by chance, and the examples, use
// that one.
type tray[K comparable, V any] struct {
	mu      sync.RWMutex
	entries map[K]*tier.Entry[V]
}

func (n *tray[K, V]) Get(key K) *tier.Entry[V] {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.entries[key]
}

func (n *tray[K, V]) Set(key K, e *tier.Entry[V]) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.entries[key] = e
}

func (n *tray[K, V]) Delete(key K) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.entries, key)
}

func (n *tray[K, V]) len() int {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return len(n.entries)
}

func (n *tray[K, V]) Clear() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.entries)
}

// encoded makes a far tier of ints of s.
func encoded(s tier.Store) tier.Far[string, int] {
	return tier.Encoded(s, codec.StringKey[string], codec.JSON[int]())
}

// A source is a register that loads read. Its zero value holds 0; the methods
// may be called from many goroutines, and hook is set before that.
type source struct {
	hook func() // called in each load once it has read the register

	mu    sync.Mutex
	value int
	loads int
}

func (s *source) load(context.Context, string) (int, error) {
	s.mu.Lock()
	s.loads++
	value := s.value
	s.mu.Unlock()
	if s.hook != nil {
		s.hook()
	}
	return value, nil
}

func (s *source) set(value int) {
	s.mu.Lock()
	s.value = value
	s.mu.Unlock()
}

// count gives how many loads have begun.
func (s *source) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.loads
}

// A gate holds up the first who comes to it. Make it with newGate.
type gate struct {
	taken   atomic.Bool
	reached chan struct{} // closed when somebody has come
	open    chan struct{} // closed to let them pass
}

func newGate() *gate {
	return &gate{reached: make(chan struct{}), open: make(chan struct{})}
}

func (g *gate) pass() {
	if g.taken.CompareAndSwap(false, true) {
		close(g.reached)
		<-g.open
	}
}

// hook makes a memStore's hook of g.
func (g *gate) hook(context.Context, string, string) error {
	g.pass()
	return nil
}

// A reply is what a call came to.
type reply struct {
	value int
	err   error
}

// get calls Get on a goroutine of its own.
func get(ctx context.Context, c *tier.Cache[string, int], key string) <-chan reply {
	ch := make(chan reply, 1)
	go func() {
		v, err := c.Get(ctx, key)
		ch <- reply{v, err}
	}()
	return ch
}

// wantGet checks that Get gives want.
func wantGet[V comparable](t testing.TB, c *tier.Cache[string, V], key string, want V) {
	t.Helper()
	if v, err := c.Get(t.Context(), key); v != want || err != nil {
		t.Errorf("Get(%q) = %v, %v; want %v, nil", key, v, err, want)
	}
}

// wantPeek checks that the near tier has want.
func wantPeek(t testing.TB, c *tier.Cache[string, int], key string, want int) {
	t.Helper()
	if v, ok := c.Peek(key); v != want || !ok {
		t.Errorf("Peek(%q) = %d, %t; want %d, true", key, v, ok, want)
	}
}

// wantNoPeek checks that the near tier has nothing to serve.
func wantNoPeek(t testing.TB, c *tier.Cache[string, int], key string) {
	t.Helper()
	if v, ok := c.Peek(key); ok {
		t.Errorf("Peek(%q) = %d, true; want nothing", key, v)
	}
}

// wantReply checks what a call came to.
func wantReply(t testing.TB, got reply, want int) {
	t.Helper()
	if got.value != want || got.err != nil {
		t.Errorf("Get = %d, %v; want %d, nil", got.value, got.err, want)
	}
}

// resign changes a sealed envelope and makes its checksum right again, as a
// writer with another idea of the format would.
func resign(data []byte, change func(body []byte) []byte) []byte {
	body := change(slices.Clone(data[:len(data)-4]))
	return binary.BigEndian.AppendUint32(body, crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
}
