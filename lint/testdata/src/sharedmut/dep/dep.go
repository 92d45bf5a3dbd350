// Package dep writes to what it is given, and does not.
package dep

import (
	"slices"
	"sort"
	"sync"
)

type Doc struct {
	Title string
	Tags  []string
	n     int
	seen  map[string]int
}

func (d *Doc) SetTitle(t string) { d.Title = t } // want SetTitle:`mutatesParam\(1\)`

func (d *Doc) Forget() { clear(d.seen) } // want Forget:`mutatesParam\(1\)`

func (d *Doc) Titled(t string) *Doc {
	c := *d
	c.Title = t
	return &c
}

func Rank(docs []*Doc) { // want Rank:`mutatesParam\(10\)`
	sort.Slice(docs, func(i, j int) bool { return docs[i].n < docs[j].n })
}

func Count(prefix string, docs []*Doc) int { // want Count:`mutatesParam\(100\)`
	for i := range docs {
		docs[i].n++
	}
	return len(docs)
}

// What is sorted is a copy.
func Ranked(docs []*Doc) []*Doc {
	docs = slices.Clone(docs)
	slices.SortFunc(docs, func(a, b *Doc) int { return a.n - b.n })
	return docs
}

// A Shelf has a lock.
type Shelf struct {
	mu   sync.Mutex
	docs []*Doc
}

func (s *Shelf) Add(d *Doc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.docs = append(s.docs, d)
}

func own(d *Doc) { d.n++ }
