package tier_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/tier"
)

type localeKey struct{}

func in(locale string) context.Context {
	return context.WithValue(context.Background(), localeKey{}, locale)
}

type told struct {
	mu  sync.Mutex
	all []onefold.Difference
}

func (d *told) add(one onefold.Difference) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all = append(d.all, one)
}

func (d *told) take() (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, d.all = len(d.all), nil
	return n
}

func title(ctx context.Context, id string) (string, error) {
	locale, _ := ctx.Value(localeKey{}).(string)
	return id + " in " + locale, nil
}

func audited(t *testing.T, source tier.Source[string, string], shadow float64) (*tier.Cache[string, string], *told) {
	t.Helper()
	found := new(told)
	near := mem.New[string, string](mem.Config{MaxEntries: 100})
	c, err := tier.NewSource(source, tier.Config{
		Name: "titles", ShowKeys: true, TTL: time.Minute,
		Audit: &onefold.Audit{Shadow: shadow, Report: found.add},
	}, near)
	if err != nil {
		t.Fatal(err)
	}
	return c, found
}

// A hit is where a key that misses something gives a wrong answer; the cache
// does not load there, but the audit can.
func TestAuditChecksHits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, found := audited(t, tier.Source[string, string]{Load: title}, 1)
		defer func() { _ = c.Close(context.Background()) }()
		for _, locale := range []string{"en", "en"} {
			_, _ = c.Get(in(locale), "a")
		}
		if n := found.take(); n != 0 {
			t.Errorf("%d differences between answers for one locale", n)
		}
		if v, err := c.Get(in("de"), "a"); v != "a in en" || err != nil {
			t.Errorf("Get = %q, %v; want the cached answer", v, err)
		}
		if n := found.take(); n != 1 {
			t.Errorf("%d differences, want 1: a hit in another locale", n)
		}
		if r := c.GetResult(in("de"), "a", tier.Read{}); r.Outcome != onefold.Hit {
			t.Errorf("outcome %v", r.Outcome)
		}
		if n := found.take(); n != 1 {
			t.Errorf("%d differences, want 1", n)
		}
	})
}

func TestAuditComparesLoadsWithinATTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		answers := []string{"one", "one", "two", "three", "four", "five", "six", "six"}
		next := func() string { n++; return answers[n-1] }
		for name, source := range map[string]tier.Source[string, string]{
			"Load": {Load: func(context.Context, string) (string, error) { return next(), nil }},
			"LoadEntry": {LoadEntry: func(context.Context, string, tier.Prior[string]) (tier.Loaded[string], error) {
				return tier.Loaded[string]{Value: next()}, nil
			}},
		} {
			n = 0
			c, found := audited(t, source, 0)
			refresh := func(want int, why string) {
				t.Helper()
				_, _ = c.Refresh(context.Background(), "a")
				if got := found.take(); got != want {
					t.Errorf("%s: %d differences, want %d: %s", name, got, want, why)
				}
			}
			refresh(0, "the first answer")
			refresh(0, "the same one")
			refresh(1, "another one")
			_ = c.Delete(context.Background(), "a")
			refresh(0, "the key was deleted in between")
			_ = c.InvalidateTag(context.Background(), "t")
			refresh(0, "a tag was invalidated in between")
			_ = c.Set(context.Background(), "a", tier.Loaded[string]{Value: "set"})
			refresh(0, "the key was set in between")
			time.Sleep(2 * time.Minute)
			refresh(0, "the TTL is over")
			refresh(0, "the same one")
			_ = c.Close(context.Background())
		}
	})
}

func TestAuditComparesLoadsOfManyKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		c, found := audited(t, tier.Source[string, string]{Load: title, LoadMany: func(_ context.Context, keys []string) (map[string]string, error) {
			n++
			m := make(map[string]string)
			for _, k := range keys {
				m[k] = k
			}
			if n > 1 {
				m["b"] = "another"
			}
			return m, nil
		}}, 0)
		defer func() { _ = c.Close(context.Background()) }()
		keys := []string{"a", "b", "c"}
		c.GetMany(context.Background(), keys)
		if n := found.take(); n != 0 {
			t.Errorf("%d differences at first", n)
		}
		// Expired, and so asked for again, with the window of the audit longer than that.
		time.Sleep(time.Minute)
		c.GetMany(context.Background(), keys)
		if n := found.take(); n != 1 {
			t.Errorf("%d differences, want 1: b", n)
		}
	})
}
