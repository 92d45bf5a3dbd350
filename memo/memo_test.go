package memo_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"
	"weak"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/memo"
)

func TestWithoutAMemo(t *testing.T) {
	var (
		table memo.Table[string, int]
		src   source
	)
	get := of(&table, src.load)
	for i := range 3 {
		wantGet(t, t.Context(), get, "k", 0)
		if n := src.count(); n != i+1 {
			t.Errorf("%d loads after %d Gets, want one each", n, i+1)
		}
	}
	table.Forget(t.Context(), "k")

	// Nothing stands between the caller and the load, or the cache.
	boom := func(context.Context, string) (int, error) { panic(errPaper) }
	if _, err := safely(t.Context(), of(&table, boom), "k"); err != (raised{errPaper}) {
		t.Errorf("Get gave %v, want the load's own panic", err)
	}
	view := memo.Over(newCache(t, src.load))
	for _, value := range []int{5, 6} {
		if err := view.Write(t.Context(), "k", src.setter("k", value)); err != nil {
			t.Error(err)
		}
		wantGet(t, t.Context(), view.Get, "k", value)
	}
	src.set("k", 7)
	if err := view.Delete(t.Context(), "k"); err != nil {
		t.Error(err)
	}
	view.Forget(t.Context(), "k")
	wantGet(t, t.Context(), view.Get, "k", 7)
}

// fixed is a memo.Cache that costs nothing.
type fixed struct{}

func (fixed) Get(context.Context, string) (int, error)                         { return 7, nil }
func (fixed) Delete(context.Context, ...string) error                          { return nil }
func (fixed) Write(context.Context, string, func(context.Context) error) error { return nil }

func TestAllocations(t *testing.T) {
	var table memo.Table[string, int]
	view := memo.Over[string, int](fixed{})
	load := fixed{}.Get // made here: a method value is an allocation
	ctx := memo.With(t.Context(), memo.Config{})
	for name, f := range map[string]func(){
		"View.Get without a memo":  func() { _, _ = view.Get(t.Context(), "k") },
		"Table.Get without a memo": func() { _, _ = table.Get(t.Context(), "k", load) },
		"View.Get of a hit":        func() { _, _ = view.Get(ctx, "k") },
		"Table.Get of a hit":       func() { _, _ = table.Get(ctx, "k", load) },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s allocates %v times, want 0", name, n)
		}
	}
}

// Tables and Views of the same types, and requests, see nothing of each other.
func TestSpacesAreApart(t *testing.T) {
	var (
		tables [2]memo.Table[string, int]
		other  memo.Table[string, string]
		spaces []space
		ctxs   []context.Context
	)
	for i := range tables {
		get := func(_ context.Context, _ string) (int, error) { return i, nil }
		view := memo.Over(newCache(t, get))
		spaces = append(spaces,
			space{of(&tables[i], get), tables[i].Forget, i},
			space{view.Get, view.Forget, i})
		ctxs = append(ctxs, memo.With(t.Context(), memo.Config{}))
	}
	for _, ctx := range ctxs {
		for _, s := range spaces {
			wantGet(t, ctx, s.get, "k", s.value)
		}
		if v, err := other.Get(ctx, "k", func(context.Context, string) (string, error) { return "x", nil }); v != "x" || err != nil {
			t.Errorf("Get = %q, %v; want x", v, err)
		}
	}

	// What one forgets, in one request, the others keep.
	var changed memo.Table[string, int]
	loads := 0
	count := of(&changed, func(context.Context, string) (int, error) { loads++; return loads, nil })
	wantGet(t, ctxs[0], count, "k", 1)
	wantGet(t, ctxs[1], count, "k", 2)
	for _, s := range spaces {
		s.forget(ctxs[0], "k")
	}
	changed.Forget(ctxs[1], "k", "other")
	wantGet(t, ctxs[0], count, "k", 1)
	wantGet(t, ctxs[1], count, "k", 3)
}

// A space is a Table or a View, and the value it has for every key.
type space struct {
	get    getter
	forget func(context.Context, ...string)
	value  int
}

func TestNewMemoHidesTheOld(t *testing.T) {
	var table memo.Table[string, int]
	var src source
	get := of(&table, src.load)
	outer := memo.With(t.Context(), memo.Config{})
	wantGet(t, outer, get, "k", 0)
	src.set("k", 1)
	inner := memo.With(outer, memo.Config{})
	wantGet(t, inner, get, "k", 1)
	wantGet(t, outer, get, "k", 0)
}

func TestMemoDiesWithItsContext(t *testing.T) {
	var table memo.Table[string, int]
	var src source
	get := of(&table, src.load)
	request, cancel := context.WithCancel(t.Context())
	ctx := memo.With(request, memo.Config{})
	detached := context.WithoutCancel(ctx)
	wantGet(t, ctx, get, "k", 0)
	src.set("k", 1)
	wantGet(t, detached, get, "k", 0)
	cancel()
	wantGet(t, detached, get, "k", 1)
	src.set("k", 2)
	wantGet(t, detached, get, "k", 2)
	table.Forget(detached, "k")
}

func TestMemoIsFreedWithItsContext(t *testing.T) {
	var table memo.Table[string, *[64]byte]
	view := memo.Over[string, int](fixed{})
	ctx := memo.With(t.Context(), memo.Config{})
	v, err := table.Get(ctx, "k", func(context.Context, string) (*[64]byte, error) { return new([64]byte), nil })
	if err != nil {
		t.Fatal(err)
	}
	_, _ = view.Get(ctx, "k")
	held := weak.Make(v)
	v, ctx = nil, nil
	for range 100 { // the load's goroutine may be on its way out still
		runtime.GC()
		if held.Value() == nil {
			return
		}
		runtime.Gosched()
	}
	t.Error("the value of a request that is over is still in memory")
	runtime.KeepAlive(v)
	runtime.KeepAlive(ctx)
	runtime.KeepAlive(&table)
	runtime.KeepAlive(view)
}

func TestMaxEntries(t *testing.T) {
	var (
		tables [2]memo.Table[string, int]
		src    source
		loads  int
	)
	ctx := memo.With(t.Context(), memo.Config{MaxEntries: 3})
	wants := func(what string, table int, key string, remembered bool) {
		t.Helper()
		get := of(&tables[table], src.load)
		wantGet(t, ctx, get, key, 0)
		loads = src.count()
		wantGet(t, ctx, get, key, 0)
		if got := src.count() == loads; got != remembered {
			t.Errorf("%s: remembered is %t, want %t", what, got, remembered)
		}
	}
	wants("first", 0, "a", true)
	wants("second", 1, "a", true)
	wants("third", 1, "b", true)
	wants("fourth", 0, "c", false)
	wants("first", 0, "a", true)
	tables[1].Forget(ctx, "a", "a", "z")
	wants("fourth, with room again", 0, "c", true)
	wants("second, without", 1, "a", false)
	tables[0].Forget(ctx, "a", "c")
	tables[1].Forget(ctx, "b")
	wants("fifth", 0, "d", true)
	wants("sixth", 0, "e", true)
	wants("seventh", 1, "f", true)
	wants("eighth", 1, "g", false)
}

// SPEC: S10
func TestMemoIsBoundedByDefault(t *testing.T) {
	view := memo.Over(newCache(t, func(context.Context, string) (int, error) { return 0, nil }))
	var table memo.Table[int, int]
	ctx := memo.With(t.Context(), memo.Config{})
	wantGet(t, ctx, view.Get, "k", 0)
	loads := 0
	load := func(_ context.Context, key int) (int, error) { loads++; return key, nil }
	for range 2 {
		for key := range memo.DefaultMaxEntries {
			if v, err := table.Get(ctx, key, load); v != key || err != nil {
				t.Fatalf("Get(%d) = %d, %v", key, v, err)
			}
		}
	}
	if want := memo.DefaultMaxEntries + 1; loads != want { // the View's took one place
		t.Errorf("%d loads, want %d", loads, want)
	}
}

// A load that is shared is as new as its start: it must not find the memo of
// whoever started it, or that request's old answers would go into a cache.
func TestSharedLoadsHaveNoMemo(t *testing.T) {
	var src source
	src.set("k", 1)
	parts := newCache(t, src.load)
	view := memo.Over(parts)
	load := func(ctx context.Context, key string) (int, error) {
		v, err := view.Get(context.WithValue(ctx, raised{}, 1), key)
		return 10 * v, err
	}
	whole := newCache(t, load)
	wholes := memo.Over(whole)
	var group onefold.Group[string, int]

	ctx := memo.With(t.Context(), memo.Config{})
	wantGet(t, ctx, view.Get, "k", 1)
	if err := parts.Write(t.Context(), "k", src.setter("k", 2)); err != nil {
		t.Fatal(err)
	}
	wantGet(t, ctx, whole.Get, "k", 20)
	if err := whole.Delete(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	wantGet(t, ctx, wholes.Get, "k", 20)
	if v, err := group.Do(ctx, "k", load); v != 20 || err != nil {
		t.Errorf("Do = %d, %v; want 20", v, err)
	}
	wantGet(t, ctx, view.Get, "k", 1) // the request itself has its own
}

// A Table's load is for its own request, and has the request's memo; a load
// within that, which others may share, has not.
func TestTableLoadsHaveTheMemo(t *testing.T) {
	var (
		src          source
		inner, outer memo.Table[string, int]
		group        onefold.Group[string, int]
	)
	src.set("k", 1)
	view := memo.Over(newCache(t, src.load))
	ctx := memo.With(t.Context(), memo.Config{})
	wantGet(t, ctx, view.Get, "k", 1)
	if err := view.Write(t.Context(), "k", src.setter("k", 2)); err != nil {
		t.Fatal(err)
	}
	load := func(ctx context.Context, key string) (int, error) {
		a, errA := view.Get(ctx, key)            // 1: the request's
		b, errB := inner.Get(ctx, key, view.Get) // 1: likewise
		c, errC := group.Do(ctx, key, view.Get)  // 2: shared
		return 100*a + 10*b + c, errors.Join(errA, errB, errC)
	}
	wantGet(t, ctx, of(&outer, load), "k", 112)
	wantGet(t, ctx, of(&inner, load), "k", 1) // what the outer load has left
}

// A load may have a memo of its own. It ends with the load.
func TestMemoWithinALoad(t *testing.T) {
	var (
		table memo.Table[string, int]
		group onefold.Group[string, int]
		src   source
		kept  context.Context
	)
	get := of(&table, src.load)
	_, err := group.Do(t.Context(), "k", func(ctx context.Context, key string) (int, error) {
		kept = context.WithoutCancel(memo.With(ctx, memo.Config{}))
		wantGet(t, kept, get, key, 0)
		src.set("k", 1)
		wantGet(t, kept, get, key, 0)
		return 0, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	wantGet(t, kept, get, "k", 1)
}

func TestMisusePanics(t *testing.T) {
	var table memo.Table[string, int]
	view := memo.Over[string, int](fixed{})
	load := fixed{}.Get
	for name, tt := range map[string]struct {
		misuse func()
		want   string
	}{
		"With, nil context":         {func() { memo.With(nil, memo.Config{}) }, "memo: nil context"}, //nolint:staticcheck // the point, here and below
		"With, bad config":          {func() { memo.With(t.Context(), memo.Config{MaxEntries: -3}) }, "memo: Config.MaxEntries is -3, want 0 (1000) or more"},
		"Over, nil cache":           {func() { memo.Over[string, int](nil) }, "memo: nil cache"},
		"Table.Get, nil context":    {func() { _, _ = table.Get(nil, "k", load) }, "memo: nil context"}, //nolint:staticcheck // as above
		"Table.Get, nil load":       {func() { _, _ = table.Get(t.Context(), "k", nil) }, "memo: nil load"},
		"Table.Forget, nil context": {func() { table.Forget(nil, "k") }, "memo: nil context"},                                               //nolint:staticcheck // as above
		"View.Get, nil context":     {func() { _, _ = view.Get(nil, "k") }, "memo: nil context"},                                            //nolint:staticcheck // as above
		"View.Delete, nil context":  {func() { _ = view.Delete(nil, "k") }, "memo: nil context"},                                            //nolint:staticcheck // as above
		"View.Write, nil context":   {func() { _ = view.Write(nil, "k", func(context.Context) error { return nil }) }, "memo: nil context"}, //nolint:staticcheck // as above
		"View.Forget, nil context":  {func() { view.Forget(nil, "k") }, "memo: nil context"},                                                //nolint:staticcheck // as above
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				var got string
				switch p := recover().(type) {
				case string:
					got = p
				case error:
					got = p.Error()
				}
				if !strings.HasPrefix(got, tt.want) {
					t.Errorf("panic with %q, want %q", got, tt.want)
				}
			}()
			tt.misuse()
		})
	}
}

// The request's context is as it was, but for the memo.
func TestWithKeepsTheContext(t *testing.T) {
	type name struct{}
	parent, cancel := context.WithTimeout(context.WithValue(t.Context(), name{}, "ada"), time.Hour)
	ctx := memo.With(parent, memo.Config{})
	if ctx.Value(name{}) != "ada" || ctx.Done() != parent.Done() {
		t.Error("the context lacks its parent's value or end")
	}
	cancel()
	if ctx.Err() != context.Canceled {
		t.Errorf("Err = %v, want Canceled", ctx.Err())
	}
}
