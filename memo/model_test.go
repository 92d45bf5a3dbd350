package memo_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/onefold-go/onefold/memo"
	"pgregory.net/rapid"
)

// model is the plain idea of a cache and of requests that see it through their
// memos.
type model struct {
	source   map[string]int
	cache    map[string]int
	requests []map[string]int // nil: over
	room     int              // of each request
}

func (m *model) get(request int, key string) int {
	if v, ok := m.requests[request][key]; ok {
		return v
	}
	if _, ok := m.cache[key]; !ok {
		m.cache[key] = m.source[key]
	}
	if seen := m.requests[request]; seen != nil && len(seen) < m.room {
		seen[key] = m.cache[key]
	}
	return m.cache[key]
}

// SPEC: N12
func TestRandomHistories(t *testing.T) {
	const requests, room = 3, 3
	rapid.Check(t, func(rt *rapid.T) {
		var (
			src     source
			cache   = newCache(t, src.load)
			view    = memo.Over(cache)
			m       = model{source: map[string]int{}, cache: map[string]int{}, room: room}
			ctxs    []context.Context
			cancels []context.CancelFunc
			last    int
		)
		for range requests {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			// What outlives a request here has its memo still, but dead.
			ctxs = append(ctxs, context.WithoutCancel(memo.With(ctx, memo.Config{MaxEntries: room})))
			cancels = append(cancels, cancel)
			m.requests = append(m.requests, map[string]int{})
		}
		who := func(rt *rapid.T) int { return rapid.IntRange(0, requests-1).Draw(rt, "request") }
		which := func(rt *rapid.T) string { return fmt.Sprint(rapid.IntRange(0, 4).Draw(rt, "key")) }
		change := func(key string) int {
			last++
			m.source[key] = last
			return last
		}
		must := func(rt *rapid.T, err error) {
			if err != nil {
				rt.Fatal(err)
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"get": func(rt *rapid.T) {
				i, key := who(rt), which(rt)
				want := m.get(i, key)
				if got, err := view.Get(ctxs[i], key); got != want || err != nil {
					rt.Fatalf("request %d: Get(%s) = %d, %v; want %d", i, key, got, err, want)
				}
			},
			"write": func(rt *rapid.T) {
				i, key := who(rt), which(rt)
				must(rt, view.Write(ctxs[i], key, src.setter(key, change(key))))
				delete(m.cache, key)
				delete(m.requests[i], key)
			},
			"delete": func(rt *rapid.T) {
				i, a, b := who(rt), which(rt), which(rt)
				must(rt, view.Delete(ctxs[i], a, b))
				for _, key := range []string{a, b} {
					delete(m.cache, key)
					delete(m.requests[i], key)
				}
			},
			"forget": func(rt *rapid.T) {
				i, key := who(rt), which(rt)
				view.Forget(ctxs[i], key)
				delete(m.requests[i], key)
			},
			"write by another": func(rt *rapid.T) {
				key := which(rt)
				must(rt, cache.Write(t.Context(), key, src.setter(key, change(key))))
				delete(m.cache, key)
			},
			"change unseen": func(rt *rapid.T) {
				key := which(rt)
				src.set(key, change(key))
			},
			"end": func(rt *rapid.T) {
				i := who(rt)
				if rapid.IntRange(0, 9).Draw(rt, "one in ten") == 0 {
					cancels[i]()
					m.requests[i] = nil
				}
			},
		})
	})
}
