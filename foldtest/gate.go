package foldtest

import (
	"context"
	"sync"
)

// A Gate holds up whoever comes to it, until it is opened.
//
// The zero Gate is ready to use, and closed. Its methods may be called at the
// same time from many goroutines. It must not be copied after first use.
type Gate struct {
	mu      sync.Mutex
	came    bool
	open    bool
	reached chan struct{} // guarded by mu; made by who first needs it, so that it is of the right bubble
	opened  chan struct{} // likewise
}

// Pass waits until the gate is open, or until ctx ends, and gives ctx.Err()
// then.
func (g *Gate) Pass(ctx context.Context) error {
	g.mu.Lock()
	g.came = true
	g.announce()
	opened := g.openedLocked()
	g.mu.Unlock()
	select {
	case <-opened:
		return nil
	default:
	}
	select {
	case <-opened:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Reached gives a channel that is closed once somebody has come.
func (g *Gate) Reached() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.reached == nil {
		g.reached = make(chan struct{})
		g.announce()
	}
	return g.reached
}

// announce closes reached, if somebody has come and somebody asked.
func (g *Gate) announce() {
	if !g.came || g.reached == nil {
		return
	}
	select {
	case <-g.reached:
	default:
		close(g.reached)
	}
}

// Open lets everybody pass, those who come later too. Opening twice is fine.
func (g *Gate) Open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	opened := g.openedLocked()
	if !g.open {
		g.open = true
		close(opened)
	}
}

func (g *Gate) openedLocked() chan struct{} {
	if g.opened == nil {
		g.opened = make(chan struct{})
	}
	return g.opened
}
