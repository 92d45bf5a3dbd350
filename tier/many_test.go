package tier_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/batch"
	"github.com/onefold-go/onefold/foldtest"
	"github.com/onefold-go/onefold/tier"
)

// A bulk is a source of many keys: it holds the length of each, but for those
// that begin with a minus, and fails those that begin with an exclamation mark.
type bulk struct {
	mu    sync.Mutex
	calls [][]string
}

func (b *bulk) load(ctx context.Context, key string) (int, error) {
	values, err := b.loadMany(ctx, []string{key})
	if v, ok := values[key]; ok {
		return v, nil
	}
	return 0, errors.Join(err, onefold.ErrNotFound)
}

func (b *bulk) loadMany(_ context.Context, keys []string) (map[string]int, error) {
	b.mu.Lock()
	b.calls = append(b.calls, slices.Clone(keys))
	b.mu.Unlock()
	time.Sleep(time.Second)
	values, failed := make(map[string]int), make(batch.KeyErrors[string])
	for _, key := range keys {
		switch {
		case strings.HasPrefix(key, "-"):
		case strings.HasPrefix(key, "!"):
			failed[key] = errSource
		case key == "panic":
			panic(key)
		default:
			values[key] = len(key)
		}
	}
	if len(failed) > 0 {
		return values, failed
	}
	return values, nil
}

func (b *bulk) log() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return fmt.Sprint(b.calls)
}

func bulkCache(t *testing.T, b *bulk, cfg tier.Config, far ...tier.Far[string, int]) *tier.Cache[string, int] {
	t.Helper()
	c, err := tier.NewSource(tier.Source[string, int]{Load: b.load, LoadMany: b.loadMany}, cfg, newNear[string, int](), far...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return c
}

// words gives the results of a GetMany in short.
func words(results []tier.Result[int]) string {
	var all []string
	for _, r := range results {
		word := fmt.Sprint(r.Outcome, ":", r.Value)
		if r.Err != nil {
			word = fmt.Sprint(r.Outcome, ":", strings.SplitN(r.Err.Error(), "\n", 2)[0])
		}
		all = append(all, word)
	}
	return strings.Join(all, ", ")
}

// SPEC: B01, N13
func TestGetMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bulk
		c := bulkCache(t, &b, tier.Config{TTL: time.Hour})
		wantGet(t, c, "aa", 2)
		single := get(t.Context(), c, "bbb")
		time.Sleep(time.Second / 2)
		start := time.Now()
		got := words(c.GetMany(t.Context(), []string{"aa", "c", "bbb", "-", "!x", "c", "dddd"}))
		want := "hit:2, led:1, joined:3, negative:onefold: not found, failed:the source is down, joined:1, led:4"
		if got != want {
			t.Errorf("GetMany = %s\nwant %s", got, want)
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("it took %v, want one load", took)
		}
		wantReply(t, <-single, 3)
		if got, want := b.log(), "[[aa] [bbb] [c - !x dddd]]"; got != want {
			t.Errorf("the source was asked for %s, want %s", got, want)
		}
		if got, want := words(c.GetMany(t.Context(), []string{"aa", "bbb", "c", "dddd"})), "hit:2, hit:3, hit:1, hit:4"; got != want {
			t.Errorf("GetMany = %s, want %s", got, want)
		}
		if got := c.GetMany(t.Context(), nil); len(got) != 0 {
			t.Errorf("GetMany of nothing = %v", got)
		}
	})
}

// SPEC: B02
func TestPanicInGetManyReachesAllItsKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bulk
		c := bulkCache(t, &b, tier.Config{})
		var joiner error
		var wg sync.WaitGroup
		wg.Go(func() {
			time.Sleep(time.Millisecond)
			defer func() { joiner, _ = recover().(error) }()
			_, _ = c.Get(t.Context(), "x")
		})
		for i, r := range c.GetMany(t.Context(), []string{"x", "panic", "y"}) {
			var p *onefold.PanicError
			if !errors.As(r.Err, &p) || p.Value != "panic" || r.Outcome != onefold.Failed {
				t.Errorf("key %d: %+v, want the panic", i, r)
			}
		}
		wg.Wait()
		var p *onefold.PanicError
		if !errors.As(joiner, &p) {
			t.Errorf("who joined got %v, want the panic", joiner)
		}
		wantGet(t, c, "x", 1)
	})
}

// A store that takes batches is asked once for all keys, and filled once.
//
// SPEC: B01
func TestGetManyOverAFarTier(t *testing.T) {
	for _, batches := range []bool{true, false} {
		t.Run(fmt.Sprint("batches ", batches), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var engine foldtest.Engine
				var b bulk
				connect := func() tier.Far[string, int] {
					if batches {
						return encoded(engine.Connect())
					}
					s := engine.Connect()
					return encoded(struct {
						tier.Leaser
						tier.Notifier
					}{s, s})
				}
				p, q := bulkCache(t, &b, tier.Config{TTL: time.Hour}, connect()), bulkCache(t, &b, tier.Config{TTL: time.Hour}, connect())
				time.Sleep(time.Second)
				wantGet(t, p, "aa", 2)
				if got, want := words(q.GetMany(t.Context(), []string{"aa", "c", "dddd"})), "led:2, led:1, led:4"; got != want {
					t.Errorf("GetMany = %s, want %s", got, want)
				}
				if batches {
					if got, want := b.log(), "[[aa] [c dddd]]"; got != want {
						t.Errorf("the source was asked for %s, want %s", got, want)
					}
					if a, f := engine.Calls(foldtest.AcquireMany), engine.Calls(foldtest.FillMany); a != 1 || f != 1 {
						t.Errorf("%d calls for leases and %d to fill, want one each", a, f)
					}
				}
				// What another process loads is waited for, and does not hold up the rest.
				if err := p.Delete(t.Context(), "aa", "c"); err != nil {
					t.Error(err)
				}
				synctest.Wait()
				other := get(t.Context(), p, "aa")
				time.Sleep(time.Second / 2)
				start := time.Now()
				if got, want := words(q.GetMany(t.Context(), []string{"aa", "c"})), "led:2, led:1"; got != want {
					t.Errorf("GetMany = %s, want %s", got, want)
				}
				if took := time.Since(start); took != time.Second {
					t.Errorf("it took %v, want one load", took)
				}
				wantReply(t, <-other, 2)
				if n := strings.Count(b.log(), "aa"); n != 2 {
					t.Errorf("aa was loaded %d times, want 2: %s", n, b.log())
				}
			})
		})
	}
}

func TestGetManyLeavesWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bulk
		c := bulkCache(t, &b, tier.Config{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		for _, r := range c.GetMany(ctx, []string{"a", "b"}) {
			if !errors.Is(r.Err, context.DeadlineExceeded) {
				t.Errorf("%+v, want the caller's own end", r)
			}
		}
		time.Sleep(time.Second)
		wantPeek(t, c, "a", 1) // the load went on
	})
}
