package loadctx

import (
	"slices"
	"sync"
)

// graph guards the edges "load a waits for load b" of the whole process. Only
// calls made from inside a load add edges, so an ordinary call never locks it.
var graph sync.Mutex

// Wait notes that c, a load, waits for another load, and reports whether that
// closes a ring of loads that wait for one another. In a ring nothing is
// noted; otherwise the caller ends the wait with [Ctx.Waited].
//
// The edge is in the graph before the ring is looked for, so that of two loads
// that close a ring at the same time at least one sees it.
func (c *Ctx) Wait(other *Ctx) (ring bool) {
	graph.Lock()
	defer graph.Unlock()
	x := c.more()
	x.waits = append(x.waits, other)
	if other.reaches(c) {
		c.drop(other)
		return true
	}
	return false
}

// Waited takes back one [Ctx.Wait] for other.
func (c *Ctx) Waited(other *Ctx) {
	graph.Lock()
	defer graph.Unlock()
	c.drop(other)
}

func (c *Ctx) drop(other *Ctx) {
	x := c.more()
	i := slices.Index(x.waits, other)
	x.waits = slices.Delete(x.waits, i, i+1)
}

// reaches reports whether c is target or waits for it, directly or through
// other loads. Nobody waits for a load whose context has ended, even if an edge
// to it is still there: those who waited have their answer and may not have run
// since.
func (c *Ctx) reaches(target *Ctx) bool {
	if w := c.whole(); len(w.waitsFor()) == 0 { // most often: c has just been asked for its first load
		return w == target
	}
	seen := map[*Ctx]bool{c: true}
	for todo := []*Ctx{c}; len(todo) > 0; {
		last := len(todo) - 1
		at := todo[last]
		todo = todo[:last]
		if at.ending.Load() != live {
			continue
		}
		if at.part { // it waits for nothing itself, its load does
			if w := at.whole(); !seen[w] {
				seen[w] = true
				todo = append(todo, w)
			}
			continue
		}
		if at == target {
			return true
		}
		for _, next := range at.waitsFor() {
			if !seen[next] {
				seen[next] = true
				todo = append(todo, next)
			}
		}
	}
	return false
}

func (c *Ctx) waitsFor() []*Ctx {
	if x := c.extra.Load(); x != nil {
		return x.waits
	}
	return nil
}
