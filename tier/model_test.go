package tier_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/tier"
)

// A cacheModel is what a cache does, for one caller at a time: a map and a
// clock.
type cacheModel struct {
	ttl, negative time.Duration
	source        map[string]int
	entries       map[string]modelEntry
	barred        map[string]time.Time // until when a load fills no far tier, as one before it has failed
	fills         bool                 // there is a far tier that loads fill
	sets          bool                 // there is one that Set fills
	loads         int
}

type modelEntry struct {
	value    int
	notFound bool
	born     time.Time
	expires  time.Time // zero: never
	near     bool      // the near tier has it
	far      bool      // a far one has it
}

func (m *cacheModel) store(key string, e modelEntry, ttl time.Duration) {
	if ttl > 0 {
		e.expires = e.born.Add(ttl)
	}
	e.near = true
	m.entries[key] = e
}

// find gives what there is to answer a call with.
func (m *cacheModel) find(key string) (modelEntry, bool) {
	e, ok := m.entries[key]
	if !ok || !e.expires.IsZero() && !time.Now().Before(e.expires) {
		return modelEntry{}, false
	}
	return e, true
}

// drop is what Delete and those like it do.
func (m *cacheModel) drop(key string) {
	delete(m.entries, key)
	delete(m.barred, key)
}

// get is a call for key, whose load would take took and end with err.
func (m *cacheModel) get(key string, start time.Time, took time.Duration, err error) (want modelEntry, wantErr error) {
	if e, ok := m.find(key); ok {
		e.near = true // now
		m.entries[key] = e
		if e.notFound {
			return modelEntry{born: e.born}, onefold.ErrNotFound
		}
		return e, nil
	}
	m.loads++
	leased := !start.Before(m.barred[key])
	e := modelEntry{value: m.source[key], born: start, far: m.fills && leased}
	end := start.Add(took)
	expired := func(ttl time.Duration) {
		if leased && ttl > 0 && took >= ttl {
			m.barred[key] = end.Add(1) // for so long the store holds it, and a memStore gives no lease with it
		}
	}
	switch {
	case err == nil:
		m.store(key, e, m.ttl)
		expired(m.ttl)
		return e, nil
	case errors.Is(err, onefold.ErrNotFound) && m.negative > 0:
		e.notFound = true
		m.store(key, e, m.negative)
		expired(m.negative)
	case !errors.Is(err, onefold.ErrNotFound) && leased:
		m.barred[key] = end.Add(time.Second) // whoever waited for it loads for itself
	}
	return modelEntry{born: start}, err
}

// A forgetful near tier is one from which a test takes entries away.
type forgetful struct{ tier.Near[string, int] }

var errModel = errors.New("load")

// A cache gives its only caller what a map and a clock would: the values, the
// errors that it remembers, their age, and loads where there is nothing. Where
// the near tier loses an entry, a far tier that has it makes up for that; nothing
// else that the caller sees depends on far tiers.
//
// SPEC: C33
func TestRandomHistoriesAgreeWithAMapAndAClock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rapid.SyncTest(t, func(t *rapid.T) {
			var (
				seconds = func(name string, of ...int) time.Duration {
					return time.Duration(rapid.SampledFrom(of).Draw(t, name)) * time.Second
				}
				m = cacheModel{
					ttl: seconds("ttl", 0, 1, 10), negative: seconds("negative ttl", 0, 2),
					source:  make(map[string]int),
					entries: make(map[string]modelEntry),
					barred:  make(map[string]time.Time),
				}
				loads    atomic.Int64
				loadTime time.Duration // of the next load
				loadErr  error         // likewise
			)
			stores := []tier.Store{&memStore{}, setStore{&memStore{}}, plainStore{&memStore{}}}
			var far []tier.Far[string, int]
			for _, i := range rapid.SliceOfNDistinct(rapid.IntRange(0, len(stores)-1), 0, 2, rapid.ID).Draw(t, "far") {
				far = append(far, encoded(stores[i]))
				m.sets = i < 2 // the deepest one's
				m.fills = m.fills || i < 2
			}
			near := forgetful{newNear[string, int]()}
			c, err := tier.New(func(_ context.Context, key string) (int, error) {
				loads.Add(1) // those of GetMany are at the same time
				time.Sleep(loadTime)
				return m.source[key], loadErr
			}, tier.Config{TTL: m.ttl, NegativeTTL: m.negative, LeaseTTL: time.Hour}, near, far...)
			if err != nil {
				t.Fatal(err)
			}

			var (
				keys = rapid.SampledFrom([]string{"a", "b", "c"})
				// Some are small against a TTL, some end right at one.
				spans = rapid.SampledFrom([]time.Duration{0, 1, time.Millisecond, time.Second - 1, time.Second, 3 * time.Second, 10 * time.Second})
			)
			draw := func(t *rapid.T) (key string) {
				loadTime = spans.Draw(t, "load time")
				loadErr = rapid.SampledFrom([]error{nil, nil, nil, errModel, onefold.ErrNotFound}).Draw(t, "load error")
				return keys.Draw(t, "key")
			}
			check := func(t *rapid.T, call, key string, value int, err error, want modelEntry, wantErr error) {
				if value != want.value || !errors.Is(err, wantErr) || (err == nil) != (wantErr == nil) {
					t.Fatalf("%s(%s) = %d, %v; want %d, %v", call, key, value, err, want.value, wantErr)
				}
			}
			t.Repeat(map[string]func(*rapid.T){
				"Get": func(t *rapid.T) {
					key := draw(t)
					want, wantErr := m.get(key, time.Now(), loadTime, loadErr)
					v, err := c.Get(t.Context(), key)
					check(t, "Get", key, v, err, want, wantErr)
				},
				"GetResult": func(t *rapid.T) {
					key := draw(t)
					before := m.loads
					want, wantErr := m.get(key, time.Now(), loadTime, loadErr)
					r := c.GetResult(t.Context(), key, tier.Read{})
					check(t, "GetResult", key, r.Value, r.Err, want, wantErr)
					if age := time.Since(want.born); !errors.Is(wantErr, errModel) && (r.Age > age+1 || r.Age < age-time.Millisecond) { // the clock of hits is up to a tick behind, and never at 0
						t.Fatalf("GetResult(%s) = %+v, want an age of %v", key, r, age)
					}
					if led := r.Level == tier.SourceLevel; led != (m.loads > before) && !errors.Is(wantErr, errModel) {
						t.Fatalf("GetResult(%s) = %+v, want it from a load: %v", key, r, m.loads > before)
					}
				},
				"GetMany": func(t *rapid.T) {
					draw(t)
					start := time.Now()
					all := []string{"b", "c", "a"}
					want, wantErrs := make([]modelEntry, len(all)), make([]error, len(all))
					for i, key := range all {
						want[i], wantErrs[i] = m.get(key, start, loadTime, loadErr)
					}
					for i, r := range c.GetMany(t.Context(), all) {
						check(t, "GetMany", all[i], r.Value, r.Err, want[i], wantErrs[i])
					}
				},
				"Peek": func(t *rapid.T) {
					key := keys.Draw(t, "key")
					want, wantOK := m.find(key)
					if wantOK = wantOK && want.near && !want.notFound; !wantOK {
						want.value = 0
					}
					if v, ok := c.Peek(key); v != want.value || ok != wantOK {
						t.Fatalf("Peek(%s) = %d, %t; want %d, %t", key, v, ok, want.value, wantOK)
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
					m.drop(key)
					m.store(key, modelEntry{value: value, born: time.Now(), far: m.sets}, ttl)
				},
				"Delete": func(t *rapid.T) {
					key := keys.Draw(t, "key")
					if err := c.Delete(t.Context(), key); err != nil {
						t.Fatalf("Delete(%s) = %v", key, err)
					}
					m.drop(key)
				},
				"Expire": func(t *rapid.T) { // there is nothing stale to serve, so it is as Delete
					key := keys.Draw(t, "key")
					if err := c.Expire(t.Context(), key); err != nil {
						t.Fatalf("Expire(%s) = %v", key, err)
					}
					m.drop(key)
				},
				"Write": func(t *rapid.T) {
					key := keys.Draw(t, "key")
					err := c.Write(t.Context(), key, func(context.Context) error { m.source[key]++; return nil })
					if err != nil {
						t.Fatalf("Write(%s) = %v", key, err)
					}
					m.drop(key)
				},
				"the near tier forgets": func(t *rapid.T) {
					key := keys.Draw(t, "key")
					near.Delete(key)
					if e, ok := m.entries[key]; ok && e.far {
						e.near = false
						m.entries[key] = e
					} else {
						delete(m.entries, key)
					}
				},
				"the source changes": func(t *rapid.T) { m.source[keys.Draw(t, "key")]++ },
				"time passes":        func(t *rapid.T) { time.Sleep(spans.Draw(t, "span")) },
				"": func(t *rapid.T) {
					if n := int(loads.Load()); n != m.loads {
						t.Fatalf("%d loads, want %d", n, m.loads)
					}
				},
			})
		})
	})
}
