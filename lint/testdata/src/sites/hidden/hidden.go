// Package hidden has groups that nothing but what is in them tells.
package hidden

import "sync"

type call[V any] struct {
	wg  sync.WaitGroup
	val V
	err error
}

// A Group is a copy of the pattern under another package's name.
type Group[K comparable, V any] struct {
	mu sync.Mutex
	m  map[K]*call[V]
}

func (g *Group[K, V]) Do(key K, fn func() (V, error)) (v V, err error, shared bool) {
	g.mu.Lock()
	if c, ok := g.m[key]; ok {
		g.mu.Unlock()
		c.wg.Wait()
		return c.val, c.err, true
	}
	c := new(call[V])
	c.wg.Add(1)
	g.m[key] = c
	g.mu.Unlock()
	c.val, c.err = fn()
	c.wg.Done()
	return c.val, c.err, false
}

// A Pool counts who works for a key, and shares nothing.
type Pool struct{ m map[string]*sync.WaitGroup }

func (p *Pool) Do(key string, fn func() (any, error)) (any, error) {
	p.m[key].Add(1)
	defer p.m[key].Done()
	return fn()
}
