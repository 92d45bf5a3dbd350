// Package striped counts what happens on hot paths of many goroutines.
package striped

import (
	"math/bits"
	"runtime"
	"sync/atomic"
	"unsafe"
)

// A Counter is a sum spread over several cache lines, so that goroutines on
// different processors seldom write the same one. Make it with New. Its methods
// may be called at the same time from many goroutines.
//
// A goroutine has a stripe of its own, with some luck: which one follows from
// where its stack is. A random one would be another processor's as often as not.
type Counter struct {
	stripes []stripe // a power of two of them
	shift   int
}

type stripe struct {
	n atomic.Uint64
	_ [120]byte // two stripes share no pair of cache lines
}

// New makes a Counter at zero, for the processors there are now.
func New() *Counter {
	n := 8
	for n < 8*runtime.GOMAXPROCS(0) {
		n *= 2
	}
	return &Counter{stripes: make([]stripe, n), shift: 64 - bits.TrailingZeros(uint(n))} //nolint:gosec // positive
}

// Add counts n more, and gives the sum of this stripe.
func (c *Counter) Add(n uint64) uint64 {
	var here byte
	// Stacks are 2 KiB or more apart; the multiplier spreads what is left.
	at := uint64(uintptr(unsafe.Pointer(&here))>>11) * 0x9e3779b97f4a7c15
	return c.stripes[at>>(c.shift&63)].n.Add(n)
}

// Load gives the sum. Adds that run at the same time may or may not be in it.
func (c *Counter) Load() uint64 {
	var sum uint64
	for i := range c.stripes {
		sum += c.stripes[i].n.Load()
	}
	return sum
}
