package tier_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/tier"
)

// A cacheModel is what a cache does, for one caller at a time: a map and a
// clock.
type cacheModel struct {
	ttl     time.Duration
	source  map[string]int
	entries map[string]modelEntry
	loads   int
}

type modelEntry struct {
	value   int
	expires time.Time // zero: never
}

func (m *cacheModel) store(key string, value int, born time.Time, ttl time.Duration) {
	e := modelEntry{value: value}
	if ttl > 0 {
		e.expires = born.Add(ttl)
	}
	m.entries[key] = e
}

func (m *cacheModel) peek(key string) (int, bool) {
	e, ok := m.entries[key]
	if !ok || !e.expires.IsZero() && !time.Now().Before(e.expires) {
		return 0, false
	}
	return e.value, true
}

// The far tiers of a single process change nothing that its caller sees.
//
// SPEC: C33
func TestRandomHistoriesAgreeWithAMapAndAClock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rapid.SyncTest(t, func(t *rapid.T) {
			var (
				m = cacheModel{
					ttl:     time.Duration(rapid.SampledFrom([]int{0, 1, 10}).Draw(t, "ttl")) * time.Second,
					source:  make(map[string]int),
					entries: make(map[string]modelEntry),
				}
				loads    int
				loadTime time.Duration // of the next load
				loadErr  error         // likewise
			)
			stores := []tier.Store{&memStore{}, setStore{&memStore{}}, plainStore{&memStore{}}}
			var far []tier.Far[string, int]
			for _, i := range rapid.SliceOfNDistinct(rapid.IntRange(0, len(stores)-1), 0, 2, rapid.ID).Draw(t, "far") {
				far = append(far, encoded(stores[i]))
			}
			c, err := tier.New(func(_ context.Context, key string) (int, error) {
				loads++
				time.Sleep(loadTime)
				return m.source[key], loadErr
			}, tier.Config{TTL: m.ttl, LeaseTTL: time.Hour}, mem.New[string, int](mem.Config{}), far...)
			if err != nil {
				t.Fatal(err)
			}

			var (
				keys = rapid.SampledFrom([]string{"a", "b", "c"})
				// Some are small against a TTL, some end right at one.
				spans = rapid.SampledFrom([]time.Duration{0, 1, time.Millisecond, time.Second - 1, time.Second, 3 * time.Second, 10 * time.Second})
			)
			t.Repeat(map[string]func(*rapid.T){
				"Get": func(t *rapid.T) {
					key := keys.Draw(t, "key")
					loadTime, loadErr = spans.Draw(t, "load time"), nil
					if rapid.IntRange(0, 3).Draw(t, "fails") == 0 {
						loadErr = errors.New("load")
					}
					want, hit := m.peek(key)
					wantErr, start := error(nil), time.Now()
					if !hit {
						m.loads++
						want, wantErr = m.source[key], loadErr
						if wantErr != nil {
							want = 0
						} else {
							m.store(key, want, start, m.ttl)
						}
					}
					if v, err := c.Get(t.Context(), key); v != want || !errors.Is(err, wantErr) || (err == nil) != (wantErr == nil) {
						t.Fatalf("Get(%s) = %d, %v; want %d, %v", key, v, err, want, wantErr)
					}
				},
				"Peek": func(t *rapid.T) {
					key := keys.Draw(t, "key")
					want, wantOK := m.peek(key)
					if v, ok := c.Peek(key); v != want || ok != wantOK {
						t.Fatalf("Peek(%s) = %d, %t; want %d, %t", key, v, ok, want, wantOK)
					}
				},
				"Set": func(t *rapid.T) {
					key, value := keys.Draw(t, "key"), rapid.IntRange(100, 199).Draw(t, "value")
					ttl := rapid.SampledFrom([]time.Duration{0, time.Second, 20 * time.Second}).Draw(t, "ttl")
					if err := c.Set(t.Context(), key, tier.Loaded[int]{Value: value, TTL: ttl}); err != nil {
						t.Fatalf("Set(%s) = %v", key, err)
					}
					if ttl == 0 {
						ttl = m.ttl
					}
					m.store(key, value, time.Now(), ttl)
				},
				"Delete": func(t *rapid.T) {
					key := keys.Draw(t, "key")
					if err := c.Delete(t.Context(), key); err != nil {
						t.Fatalf("Delete(%s) = %v", key, err)
					}
					delete(m.entries, key)
				},
				"Write": func(t *rapid.T) {
					key := keys.Draw(t, "key")
					err := c.Write(t.Context(), key, func(context.Context) error { m.source[key]++; return nil })
					if err != nil {
						t.Fatalf("Write(%s) = %v", key, err)
					}
					delete(m.entries, key)
				},
				"the source changes": func(t *rapid.T) { m.source[keys.Draw(t, "key")]++ },
				"time passes":        func(t *rapid.T) { time.Sleep(spans.Draw(t, "span")) },
				"": func(t *rapid.T) {
					if loads != m.loads {
						t.Fatalf("%d loads, want %d", loads, m.loads)
					}
				},
			})
		})
	})
}
