// Package fencemodel is the fence protocol of the caches as a set of small
// steps, and a search through every order in which they can run. It is for
// tests and for reading; docs/fence-model.md says what it proves.
package fencemodel

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
)

// A Model is a system that moves in atomic steps between states.
type Model[S comparable] struct {
	Start []S
	Next  func(s *S, emit func(Step, S)) // all steps from s
	Bad   func(s *S) string              // the property that s breaks, or ""
	Done  func(s *S) bool                // whether the system may end in s

	// Finish asks more than that no state is a dead end: from every state some
	// order of steps must lead to one in which the system may end.
	Finish bool
}

// A Step is one line of an interleaving: who did what. Text is a format for A
// and B, so that only the steps of a counterexample are spelled out.
type Step struct {
	Who  string
	Text string
	A, B uint8
}

// String gives who, the text with its numbers.
func (s Step) String() string {
	text := s.Text
	switch strings.Count(text, "%") {
	case 1:
		text = fmt.Sprintf(text, s.A)
	case 2:
		text = fmt.Sprintf(text, s.A, s.B)
	}
	return s.Who + " " + text
}

// A Result is what a search found. Without a Fault it went through the whole
// space.
type Result struct {
	States, Steps, Depth int
	Fault                string // the property that broke, or ""
	Trace                []Step // a shortest way there
}

// Lines gives the counterexample, a step a line.
func (r Result) Lines() string {
	var b strings.Builder
	for i, step := range r.Trace {
		fmt.Fprintf(&b, "%3d  %s\n", i+1, step)
	}
	fmt.Fprintf(&b, "     => %s\n", r.Fault)
	return b.String()
}

// The ends of a search that are no property of one state.
const (
	deadEnd  = "somebody waits for ever"
	noFinish = "no order of steps leads to an end"
)

// Check searches breadth first, so that a counterexample is a shortest one. It
// panics beyond limit states, since a search that was cut short proves nothing.
//
// A state seen is kept as 64 bits of hash. Among ten million states the chance
// that two share one, and so a part of the space is overlooked, is some 3 in a
// million, and the hash differs from run to run.
func Check[S comparable](m Model[S], limit int) Result {
	c := search[S]{Model: m, limit: limit, seed: maphash.MakeSeed(), seen: make(map[uint64]uint32)}
	for i := range m.Start {
		c.visit(&m.Start[i], root, i)
	}
	for first := uint32(0); len(c.frontier) > 0 && c.res.Fault == ""; c.res.Depth++ {
		level := c.frontier
		c.frontier = nil
		for i := range level {
			c.expand(&level[i], first+uint32(i))
		}
		first += uint32(len(level))
	}
	c.res.States = len(c.parent)
	c.res.Depth-- // the start is no step
	if c.Finish && c.res.Fault == "" {
		c.finish()
	}
	return c.res
}

const root = ^uint32(0)

type search[S comparable] struct {
	Model[S]
	limit int
	seed  maphash.Seed
	res   Result

	seen     map[uint64]uint32 // hash of a state -> its number, in order of discovery
	frontier []S               // states found and not yet expanded

	// By number of the state. The way to a state is replayed from these, so
	// that states behind the frontier need not be kept.
	parent []uint32
	nth    []uint16 // which step of the parent's, or which start

	from, to []uint32 // with Finish: all steps
	ends     []bool   // with Finish: where the system may end
}

// visit notes s if it is new: the nth step of parent, or the nth start.
func (c *search[S]) visit(s *S, parent uint32, nth int) (number uint32) {
	hash := maphash.Comparable(c.seed, *s)
	if number, ok := c.seen[hash]; ok {
		return number
	}
	if len(c.parent) == c.limit {
		panic(fmt.Sprintf("fencemodel: more than %d states", c.limit))
	}
	number = uint32(len(c.parent))
	c.seen[hash] = number
	c.parent = append(c.parent, parent)
	c.nth = append(c.nth, uint16(nth))
	c.frontier = append(c.frontier, *s)
	if fault := c.Bad(s); fault != "" {
		c.fail(fault, number)
	}
	return number
}

func (c *search[S]) expand(s *S, number uint32) {
	if c.res.Fault != "" {
		return
	}
	steps := 0
	c.Next(s, func(_ Step, next S) {
		to := c.visit(&next, number, steps)
		steps++
		if c.Finish {
			c.from, c.to = append(c.from, number), append(c.to, to)
		}
	})
	c.res.Steps += steps
	end := c.Done(s)
	if c.Finish {
		c.ends = append(c.ends, end)
	}
	if steps == 0 && !end {
		c.fail(deadEnd, number)
	}
}

// fail notes the first fault and replays the way to it.
func (c *search[S]) fail(fault string, number uint32) {
	if c.res.Fault != "" {
		return
	}
	c.res.Fault = fault
	path := []uint32{number}
	for c.parent[path[len(path)-1]] != root {
		path = append(path, c.parent[path[len(path)-1]])
	}
	slices.Reverse(path)
	s := c.Start[c.nth[path[0]]]
	for _, number := range path[1:] {
		nth, then := 0, s
		c.Next(&s, func(step Step, next S) {
			if nth == int(c.nth[number]) {
				c.res.Trace = append(c.res.Trace, step)
				then = next
			}
			nth++
		})
		s = then
	}
}

// finish goes back from the ends, and fails for the first state that it does
// not come by.
func (c *search[S]) finish() {
	comes := c.ends
	for again := true; again; {
		again = false
		// Most steps lead to a state with a higher number, so that one pass
		// from the last to the first does nearly all.
		for i := len(c.from) - 1; i >= 0; i-- {
			if comes[c.to[i]] && !comes[c.from[i]] {
				comes[c.from[i]] = true
				again = true
			}
		}
	}
	if i := slices.Index(comes, false); i >= 0 {
		c.fail(noFinish, uint32(i))
	}
}
