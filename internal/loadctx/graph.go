package loadctx

import (
	"slices"
	"sync"
)

// graph guards the edges "load a waits for load b" of the whole process. Only
// calls made from inside a load add edges, so an ordinary call never locks it.
var graph sync.Mutex

// An edge is one wait for another load, with what it takes to say which load
// that is: nothing is put into words before a ring is found.
type edge struct {
	to    *Ctx
	owner Owner
	load  any // as owner knows it
}

// Wait notes that c, a load, waits for another load, which owner knows as load.
// If that closes a ring of loads that wait for one another, nothing is noted,
// and Wait gives the ring; otherwise it gives nil, and the caller ends the wait
// with [Ctx.Waited].
//
// The edge is in the graph before the ring is looked for, so that of two loads
// that close a ring at the same time at least one sees it.
func (c *Ctx) Wait(other *Ctx, owner Owner, load any) Ring {
	graph.Lock()
	defer graph.Unlock()
	x := c.more()
	x.waits = append(x.waits, edge{other, owner, load})
	back, ok := other.wayTo(c)
	if !ok {
		return nil
	}
	c.drop(other)
	return append(Ring{{other, owner, load}}, back...)
}

// Waited takes back one [Ctx.Wait] for other.
func (c *Ctx) Waited(other *Ctx) {
	graph.Lock()
	defer graph.Unlock()
	c.drop(other)
}

func (c *Ctx) drop(other *Ctx) {
	x := c.more()
	i := slices.IndexFunc(x.waits, func(e edge) bool { return e.to == other })
	x.waits = slices.Delete(x.waits, i, i+1)
}

// wayTo gives the waits that lead from c to target, directly or through other
// loads: none when c is target. Nobody waits for a load whose context has ended,
// even if an edge to it is still there: those who waited have their answer and
// may not have run since.
func (c *Ctx) wayTo(target *Ctx) (way []edge, ok bool) {
	if w := c.whole(); len(w.waitsFor()) == 0 { // most often: c has just been asked for its first load
		return nil, w == target
	}
	type hop struct { // how a load was reached
		from *Ctx
		edge edge
	}
	reached := map[*Ctx]hop{c: {}}
	for todo := []*Ctx{c}; len(todo) > 0; {
		last := len(todo) - 1
		at := todo[last]
		todo = todo[:last]
		if at.how() != live {
			continue
		}
		if at.is(part) { // it waits for nothing itself, its load does
			w := at.whole()
			if _, seen := reached[w]; !seen {
				reached[w] = hop{from: at}
				todo = append(todo, w)
			}
			continue
		}
		if at == target {
			for ; at != c; at = reached[at].from {
				if e := reached[at].edge; e.to != nil { // a whole is reached from its part without one
					way = append(way, e)
				}
			}
			slices.Reverse(way)
			return way, true
		}
		for _, next := range at.waitsFor() {
			if _, seen := reached[next.to]; !seen {
				reached[next.to] = hop{at, next}
				todo = append(todo, next.to)
			}
		}
	}
	return nil, false
}

func (c *Ctx) waitsFor() []edge {
	if x := c.extra.Load(); x != nil {
		return x.waits
	}
	return nil
}
