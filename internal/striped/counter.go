// Package striped counts what happens on hot paths of many goroutines.
package striped

import (
	"math/rand/v2"
	"runtime"
	"sync/atomic"
)

// A Counter is a sum spread over several cache lines, so that goroutines on
// different processors seldom write the same one. Make it with New. Its methods
// may be called at the same time from many goroutines.
type Counter struct {
	stripes []stripe // a power of two of them
}

type stripe struct {
	n atomic.Uint64
	_ [120]byte // two stripes share no pair of cache lines
}

// New makes a Counter at zero, for the processors there are now.
func New() *Counter {
	n := 1
	for n < runtime.GOMAXPROCS(0) {
		n *= 2
	}
	return &Counter{stripes: make([]stripe, n)}
}

// Add counts one more.
func (c *Counter) Add() {
	c.stripes[rand.Uint32()&uint32(len(c.stripes)-1)].n.Add(1) //nolint:gosec // any spread will do
}

// Load gives the sum. Adds that run at the same time may or may not be in it.
func (c *Counter) Load() uint64 {
	var sum uint64
	for i := range c.stripes {
		sum += c.stripes[i].n.Load()
	}
	return sum
}
