package memcached_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/onefold-go/onefold/adapters/memcached"
	"github.com/onefold-go/onefold/tier"
)

func bump(t testing.TB, s tier.Tagger, tags ...string) tier.TagTable {
	t.Helper()
	table, err := s.Bump(t.Context(), tags...)
	if err != nil {
		t.Fatalf("Bump = %v", err)
	}
	return table
}

// A table that was lost has another epoch, and one that is no table is lost.
func TestTableOfTagsThatIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		p, q := f.at(t), f.at(t)
		seen := map[uint64]bool{}
		for _, spoil := range []func(){
			func() {},
			f.restart,
			f.loseItems,
			func() { f.items["p:t"].data = f.items["p:t"].data[:20] },
			func() { f.items["p:t"].data += "\xff" },
			func() { f.items["p:t"].data = strings.Repeat("\x00", 24) },
			func() { f.items["p:t"].flags = "0" },
		} {
			spoil()
			synctest.Wait()
			table, err := q.Tags(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if seen[table.Epoch] || table.Seq != 0 {
				t.Errorf("a table that was lost has epoch %d and Seq %d, want a new epoch and 0", table.Epoch, table.Seq)
			}
			seen[table.Epoch] = true
			if after := bump(t, p, "a", "b", "a"); after.Epoch != table.Epoch || after.Seq != 1 || after.Gens["a"] != 1 || after.Gens["b"] != 1 {
				t.Errorf("after Bump the table is %+v, want epoch %d and Seq 1", after, table.Epoch)
			}
		}
	})
}

// With more tags than there is room for, the older ones go, and the floor says
// that whatever is as old may be invalid.
func TestTableOfTagsIsBounded(t *testing.T) {
	for name, tt := range map[string]struct {
		maxTags int
		tag     func(i int) string
		least   int // tags that are left at any time
	}{
		"by number": {10, func(i int) string { return fmt.Sprint("tag ", i) }, 5},
		"by size":   {0, func(i int) string { return fmt.Sprint(strings.Repeat("x", 30_000), i) }, 8},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := (&fake{}).at(t, func(c *memcached.Config) { c.MaxTags = tt.maxTags })
				for i := range 40 {
					table := bump(t, p, tt.tag(i))
					if tt.maxTags > 0 && len(table.Gens) > tt.maxTags || i >= tt.least && len(table.Gens) < tt.least {
						t.Fatalf("after %d tags the table has %d", i+1, len(table.Gens))
					}
					for j := range i + 1 {
						if seq := uint64(j); table.Gens[tt.tag(j)] <= seq && table.Floor <= seq { //nolint:gosec // small
							t.Fatalf("after %d tags, an entry from before the Bump of tag %d is valid", i+1, j)
						}
					}
				}
			})
		})
	}
}

// A Bump of more than there is room for is no less of one.
func TestBumpOfTooManyTags(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := (&fake{}).at(t, func(c *memcached.Config) { c.MaxTags = 2 })
		table := bump(t, p, "a", "b", "c", "d", "e")
		for _, tag := range []string{"a", "b", "c", "d", "e"} {
			if table.Gens[tag] == 0 && table.Floor == 0 {
				t.Errorf("an entry with tag %s from before the Bump is valid", tag)
			}
		}
	})
}

func TestConcurrentBumps(t *testing.T) {
	s := start(t)
	var wg sync.WaitGroup
	const processes, bumps = 6, 30
	for i := range processes {
		p := open(t, memcached.Config{Servers: []string{s.Addr}})
		for range 2 {
			wg.Go(func() {
				for range bumps / 2 {
					if _, err := p.Bump(t.Context(), fmt.Sprint(i)); err != nil {
						t.Errorf("Bump = %v", err)
					}
				}
			})
		}
	}
	wg.Wait()
	table, err := open(t, memcached.Config{Servers: []string{s.Addr}}).Tags(t.Context())
	if err != nil || table.Seq != processes*bumps || len(table.Gens) != processes {
		t.Errorf("Seq is %d and %d tags are there, %v; want %d and %d", table.Seq, len(table.Gens), err, processes*bumps, processes)
	}
}

// A Bump whose answer is lost is an error, and may have been done.
func TestBumpWhoseAnswerIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		p := f.at(t)
		bump(t, p, "a")
		f.answersLost("ms")
		var failed *memcached.Error
		if _, err := p.Bump(t.Context(), "b"); !errors.As(err, &failed) {
			t.Errorf("Bump = %v, want an *Error", err)
		}
		if table := bump(t, p, "c"); table.Seq < 2 || table.Gens["c"] != table.Seq {
			t.Errorf("the next Bump gives %+v", table)
		}
	})
}

func FuzzTable(f *testing.F) {
	table := binary.BigEndian.AppendUint64(nil, 7)
	table = binary.BigEndian.AppendUint64(table, 9)
	table = binary.BigEndian.AppendUint64(table, 1)
	f.Add(table)
	f.Add(append(bytes.Clone(table), 8, 3, 'a', 'b', 'c', 2, 0))
	f.Add(append(bytes.Clone(table), 8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		again, ok := memcached.DecodeTable(b)
		if !ok {
			return
		}
		if twice, ok := memcached.DecodeTable(again); !ok || !bytes.Equal(twice, again) {
			t.Errorf("%x is stored as %x and then as %x", b, again, twice)
		}
	})
}
