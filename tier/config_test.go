package tier_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/tier"
)

// SPEC: N10
func TestZeroTTLIsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t, (&source{value: 1}).load, tier.Config{Jitter: 0.5})
		wantGet(t, c, "k", 1)
		time.Sleep(100 * 365 * 24 * time.Hour)
		wantPeek(t, c, "k", 1)
	})
}

// SPEC: N10, X01
func TestFaultsAreReportedTogether(t *testing.T) {
	_, err := tier.New[string, int](nil, tier.Config{
		TTL:         -1,
		Jitter:      math.NaN(),
		LoadTimeout: -2,
		OnAbandon:   9,
		LeaseTTL:    -3,
	}, nil, tier.Far[string, int]{})
	if err == nil {
		t.Fatal("New = nil error")
	}
	for _, want := range []string{
		"load is nil", "zero Far", "TTL is -1ns", "Jitter is NaN", "LoadTimeout is -2ns", "OnAbandon is 9", "LeaseTTL is -3ns",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("New = %v\nwant it to say %q", err, want)
		}
	}
	if _, err := tier.New[string, int]((&source{}).load, tier.Config{}, nil); err == nil || !strings.Contains(err.Error(), "no tier") {
		t.Errorf("New without a tier = %v", err)
	}
}

// SPEC: N10, X01
func TestConfigLimits(t *testing.T) {
	for _, tt := range []struct {
		cfg   tier.Config
		fault string // empty: none
	}{
		{tier.Config{}, ""},
		{tier.Config{TTL: 1, Jitter: 1, LoadTimeout: 1, LeaseTTL: 2}, ""},
		{tier.Config{TTL: math.MaxInt64, LoadTimeout: math.MaxInt64}, ""},
		{tier.Config{LeaseTTL: 1}, ""},
		{tier.Config{Jitter: 1.01}, "Jitter"},
		{tier.Config{Jitter: -0.01}, "Jitter"},
		{tier.Config{Jitter: math.Inf(1)}, "Jitter"},
		{tier.Config{LoadTimeout: time.Second, LeaseTTL: time.Second}, "LeaseTTL"},
		{tier.Config{LoadTimeout: time.Second, LeaseTTL: time.Second + 1}, ""},
	} {
		_, err := tier.New((&source{}).load, tier.Config(tt.cfg), newNear[string, int]())
		if (err != nil) != (tt.fault != "") || err != nil && !strings.Contains(err.Error(), tt.fault) {
			t.Errorf("New with %+v = %v, want a fault of %q", tt.cfg, err, tt.fault)
		}
	}
}

// SPEC: F05, N10
func TestJitterOnlyShortens(t *testing.T) {
	const (
		ttl  = time.Second
		keys = 200
	)
	for name, store := range map[string]func(t *testing.T, c *tier.Cache[string, int], key string) error{
		"load": func(t *testing.T, c *tier.Cache[string, int], key string) error {
			_, err := c.Get(t.Context(), key)
			return err
		},
		"Set": func(t *testing.T, c *tier.Cache[string, int], key string) error {
			return c.Set(t.Context(), key, tier.Loaded[int]{Value: 1})
		},
		"Set with a TTL": func(t *testing.T, c *tier.Cache[string, int], key string) error {
			return c.Set(t.Context(), key, tier.Loaded[int]{Value: 1, TTL: ttl})
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := newCache(t, (&source{value: 1}).load, tier.Config{TTL: ttl, Jitter: 0.2})
			for i := range keys {
				if err := store(t, c, fmt.Sprint(i)); err != nil {
					t.Error(err)
				}
			}
			start := time.Now()
			for _, tt := range []struct {
				at          time.Duration
				least, most int
			}{
				{800*time.Millisecond - 1, keys, keys},
				{850 * time.Millisecond, 1, keys - 1}, // chances below 1 in 10^24 to fail
				{950 * time.Millisecond, 1, keys - 1},
				{ttl, 0, 0},
			} {
				time.Sleep(tt.at - time.Since(start))
				n := 0
				for i := range keys {
					if _, ok := c.Peek(fmt.Sprint(i)); ok {
						n++
					}
				}
				if n < tt.least || n > tt.most {
					t.Errorf("%s: %d of %d values are left after %v, want %d to %d", name, n, keys, tt.at, tt.least, tt.most)
				}
			}
		})
	}
}

// SPEC: N10
func TestSetTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t, (&source{value: 1}).load, tier.Config{TTL: 10 * time.Second})
		for _, tt := range []struct{ given, want time.Duration }{
			{0, 10 * time.Second},
			{time.Second, time.Second},
			{time.Minute, time.Minute},
		} {
			if err := c.Set(t.Context(), "k", tier.Loaded[int]{Value: 2, TTL: tt.given}); err != nil {
				t.Error(err)
			}
			time.Sleep(tt.want - 1)
			wantPeek(t, c, "k", 2)
			time.Sleep(1)
			wantNoPeek(t, c, "k")
		}
		wantGet(t, c, "k", 1)
		if err := c.Set(t.Context(), "k", tier.Loaded[int]{Value: 2, TTL: -1}); err == nil || !strings.Contains(err.Error(), "-1ns") {
			t.Errorf("Set with a negative TTL = %v, want an error that names it", err)
		}
		wantPeek(t, c, "k", 1)
	})
}

// Without a TTL of its own a lease lasts a second longer than a load may, and
// 10 s where a load may last for ever.
func TestLeaseTTL(t *testing.T) {
	for _, tt := range []struct {
		cfg  tier.Config
		want time.Duration
	}{
		{tier.Config{}, 10 * time.Second},
		{tier.Config{LoadTimeout: 3 * time.Second}, 4 * time.Second},
		{tier.Config{LoadTimeout: math.MaxInt64}, math.MaxInt64},
		{tier.Config{LeaseTTL: 3 * time.Second}, 3 * time.Second},
	} {
		store := &leaseTTLs{}
		c := newCache(t, (&source{value: 1}).load, tt.cfg, encoded(store))
		wantGet(t, c, "k", 1)
		if err := c.Set(t.Context(), "k", tier.Loaded[int]{Value: 2}); err != nil {
			t.Error(err)
		}
		if want := []time.Duration{tt.want, tt.want}; store.asked[0] != want[0] || store.asked[1] != want[1] {
			t.Errorf("%+v: leases of %v were asked for, want %v", tt.cfg, store.asked, want)
		}
	}
}

// A leaseTTLs notes what leases it is asked for.
type leaseTTLs struct {
	memStore
	asked []time.Duration
}

func (s *leaseTTLs) Acquire(ctx context.Context, key string, o tier.AcquireOptions) (tier.Grant, error) {
	s.asked = append(s.asked, o.LeaseTTL)
	return s.memStore.Acquire(ctx, key, tier.AcquireOptions{LeaseTTL: time.Hour})
}
