package redis_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/onefold-go/onefold/adapters/redis"
	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/tier"
)

// A table that is full forgets the older half, and what was invalidated by it
// stays so.
//
// SPEC: S10
func TestTableOfTagsIsBounded(t *testing.T) {
	s := startRedis(t)
	p := open(t, url(s.Addr), redis.Options{MaxTags: 10})
	for i := range 100 {
		tag := fmt.Sprint("tag ", i)
		before, err := p.Tags(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		after, err := p.Bump(t.Context(), tag)
		if err != nil {
			t.Fatal(err)
		}
		if after.Epoch != before.Epoch || after.Seq != before.Seq+1 || after.Floor < before.Floor {
			t.Fatalf("Bump made %+v of %+v, want the next Seq of the same epoch", after, before)
		}
		if len(after.Gens) > 10 {
			t.Fatalf("the table has %d tags, want 10 at most", len(after.Gens))
		}
		if after.Gens[tag] != after.Seq {
			t.Errorf("the newest tag has generation %d, want %d", after.Gens[tag], after.Seq)
		}
		for j := range i + 1 { // each was invalidated at j+1
			if gen := after.Gens[fmt.Sprint("tag ", j)]; gen != uint64(j+1) && after.Floor < uint64(j+1) {
				t.Fatalf("tag %d is at %d and Floor at %d, want one of them %d or more", j, gen, after.Floor, j+1)
			}
		}
	}
	many := make([]string, 10_000)
	for i := range many {
		many[i] = fmt.Sprint("at once ", i)
	}
	before, err := p.Tags(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	after, err := p.Bump(t.Context(), many...)
	if err != nil || len(after.Gens) > 10 || after.Floor <= before.Seq {
		t.Errorf("Bump of 10,000 tags leaves %d of them and Floor %d, %v; want 10 at most and above %d", len(after.Gens), after.Floor, err, before.Seq)
	}
}

// A tag invalidates what carries it in all processes, near and far.
func TestTagsInTheFleet(t *testing.T) {
	s := startRedis(t)
	src := newSource("v1")
	var all [2]process
	for i := range all {
		store := open(t, url(s.Addr), redis.Options{})
		live(t, store)
		c, err := tier.NewSource(tier.Source[string, string]{
			LoadEntry: func(ctx context.Context, key string, _ tier.Prior[string]) (tier.Loaded[string], error) {
				v, err := src.load(ctx, key)
				return tier.Loaded[string]{Value: v, Tags: []string{"tag of " + key}}, err
			},
		}, tier.Config{}, mem.New[string, string](mem.Config{}), far(store))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close(context.Background()) })
		all[i] = process{c, store}
	}
	p, q := all[0], all[1]
	for _, key := range []string{"a", "b"} {
		p.want(t, key, "v1")
		q.want(t, key, "v1")
	}
	src.wantLoads(t, 2)
	src.value.Store("v2")
	if err := p.InvalidateTag(t.Context(), "tag of a"); err != nil {
		t.Fatal(err)
	}
	p.want(t, "a", "v2")
	p.want(t, "b", "v1")
	eventually(t, "the other process has heard of it", func() bool {
		v, err := q.Get(t.Context(), "a")
		return err == nil && v == "v2"
	})
	q.want(t, "b", "v1")
	src.wantLoads(t, 3)
}
