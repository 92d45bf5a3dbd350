package tier_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/codec"
	"github.com/onefold-go/onefold/tier"
)

// Here are the tests of caches of other types than from string to int: each pair of
// types takes a while to compile.

// SPEC: C15, C16
func TestLoadsThatGetKeysOfTheirOwnCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c *tier.Cache[string, string]
		c = newCache(t, func(ctx context.Context, key string) (string, error) {
			next := map[string]string{"self": "self", "a": "b", "b": "a", "top": "leaf"}[key]
			if next == "" {
				return key, nil
			}
			v, err := c.Get(ctx, next)
			return key + v, err
		}, tier.Config{})
		for _, key := range []string{"self", "a"} {
			if v, err := c.Get(t.Context(), key); !errors.Is(err, onefold.ErrCycle) {
				t.Errorf("Get(%q) = %q, %v; want ErrCycle", key, v, err)
			}
		}
		wantGet(t, c, "top", "topleaf")
		wantGet(t, c, "leaf", "leaf")
	})
}

// SPEC: C29
func TestKeysThatPrintAlikeAreDistinct(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCacheOver(t, func(_ context.Context, key any) (string, error) { return fmt.Sprintf("%T", key), nil },
			tier.Config{}, newNear[any, string]())
		type name string
		for range 2 {
			for _, key := range []any{1, int64(1), uint8(1), 1.0, "1", name("1"), [1]int{1}, nil, struct{}{}} {
				if v, err := c.Get(t.Context(), key); v != fmt.Sprintf("%T", key) || err != nil {
					t.Errorf("Get(%T) = %q, %v; want its own type", key, v, err)
				}
			}
		}
	})
}

// SPEC: N06
func TestKeyThatIsNotItselfIsRefused(t *testing.T) {
	near := newNear[float64, int]()
	c := newCacheOver(t, func(context.Context, float64) (int, error) { return 7, nil }, tier.Config{}, near)
	for range 2 {
		if v, err := c.Get(t.Context(), math.NaN()); !errors.Is(err, onefold.ErrKey) {
			t.Errorf("Get = %d, %v; want ErrKey", v, err)
		}
	}
	if err := c.Set(t.Context(), math.NaN(), tier.Loaded[int]{Value: 1}); !errors.Is(err, onefold.ErrKey) {
		t.Errorf("Set = %v, want ErrKey", err)
	}
	if n := near.len(); n != 0 {
		t.Errorf("the near tier has %d entries that nobody will ever find", n)
	}
	if v, err := c.Get(t.Context(), math.Inf(1)); v != 7 || err != nil {
		t.Errorf("Get = %d, %v; want 7, nil", v, err)
	}
}

// SPEC: C30
func TestEmptyValueIsAValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var loads int
		c := newCache(t, func(context.Context, string) (*int, error) {
			loads++
			return nil, nil //nolint:nilnil // the point of the test
		}, tier.Config{})
		for range 3 {
			wantGet(t, c, "k", nil)
		}
		if v, ok := c.Peek("k"); v != nil || !ok {
			t.Errorf("Peek = %v, %t; want nil, true", v, ok)
		}
		if loads != 1 {
			t.Errorf("%d loads, want 1", loads)
		}
	})
}

// A value that cannot be encoded is kept near and fails nobody who reads; who
// writes it is told.
func TestValueThatCannotBeEncoded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memStore{}
		far := tier.Encoded[string, any](store, codec.StringKey[string], codec.JSON[any]())
		c := newCache(t, func(context.Context, string) (any, error) { return any(struct{ F func() }{}), nil }, tier.Config{}, far)
		if _, err := c.Get(t.Context(), "k"); err != nil {
			t.Errorf("Get = %v, want nil", err)
		}
		if _, ok := c.Peek("k"); !ok {
			t.Error("the value is not kept near")
		}
		if err := c.Set(t.Context(), "k", tier.Loaded[any]{Value: make(chan int)}); err == nil {
			t.Error("Set = nil, want an error")
		}
		synctest.Wait() // nobody waits for the release
		if got, want := store.ops(), []string{"acquire k", "release k"}; !slices.Equal(got, want) {
			t.Errorf("the store saw %q, want %q", got, want)
		}
	})
}

// Byte values are those of their cache: they share no memory with what the
// store was given or gave, nor with each other's tail.
//
// SPEC: N11
func TestBytesAreNotAliased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memStore{}
		far := tier.Encoded[string, []byte](store, codec.StringKey[string], codec.Bytes())
		loaded := []byte("value")
		p := newCache(t, func(context.Context, string) ([]byte, error) { return loaded, nil }, tier.Config{}, far)
		q := newCache(t, func(context.Context, string) ([]byte, error) { return nil, nil }, tier.Config{}, far)
		get := func(c *tier.Cache[string, []byte]) []byte {
			v, err := c.Get(t.Context(), "k")
			if err != nil {
				t.Error(err)
			}
			return v
		}
		get(p)
		loaded[0] = 'X'
		v := get(q)
		_ = append(v, "more"...)
		if got := string(get(q)); got != "value" {
			t.Errorf("q has %q, want %q", got, "value")
		}
	})
}

// SPEC: N06, N13
func TestGetManyOfAwkwardKeys(t *testing.T) {
	c := newCacheOver(t, func(_ context.Context, f float64) (int, error) { return int(f), nil }, tier.Config{}, newNear[float64, int]())
	results := c.GetMany(t.Context(), []float64{1, math.NaN(), 2})
	if results[0].Value != 1 || results[2].Value != 2 || !errors.Is(results[1].Err, onefold.ErrKey) {
		t.Errorf("GetMany = %+v, want 1, ErrKey, 2", results)
	}
	if got := c.GetMany(t.Context(), nil); len(got) != 0 {
		t.Errorf("GetMany of nothing = %v", got)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	results = c.GetMany(ended, []float64{1, 3})
	if results[0].Value != 1 || results[0].Err != nil || !errors.Is(results[1].Err, context.Canceled) {
		t.Errorf("GetMany with a dead context = %+v, want 1 and Canceled", results)
	}
	if err := c.Close(t.Context()); err != nil {
		t.Error(err)
	}
	for i, r := range c.GetMany(t.Context(), []float64{1, 3}) {
		if !errors.Is(r.Err, onefold.ErrClosed) {
			t.Errorf("result %d of a closed cache: %+v, want ErrClosed", i, r)
		}
	}
}
