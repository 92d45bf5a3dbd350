package memo_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/onefold-go/onefold/memo"
)

// tell runs body in a bubble, with a request's context and a table whose loads
// come to a desk.
func tell(t *testing.T, body func(t *testing.T, ctx context.Context, table *memo.Table[string, int], desk *deskCache)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		body(t, memo.With(t.Context(), memo.Config{}), new(memo.Table[string, int]), newDesk())
	})
}

func TestTableLoadsOnceARequest(t *testing.T) {
	tell(t, func(t *testing.T, ctx context.Context, table *memo.Table[string, int], desk *deskCache) {
		get := of(table, desk.Get)
		one, two := call(ctx, get, "k"), call(ctx, get, "k")
		load := desk.next(t)
		desk.idle(t)
		load.returns(7, nil)
		wants(t, "first caller", one, answer{value: 7})
		wants(t, "second caller", two, answer{value: 7})
		wants(t, "later caller", call(ctx, get, "k"), answer{value: 7})
		if load.ctx.Err() == nil {
			t.Error("the load's context outlives the load")
		}
		desk.idle(t)
	})
}

func TestRequestsShareNoLoad(t *testing.T) {
	tell(t, func(t *testing.T, ctx context.Context, table *memo.Table[string, int], desk *deskCache) {
		get := of(table, desk.Get)
		one := call(ctx, get, "k")
		two := call(memo.With(t.Context(), memo.Config{}), get, "k")
		desk.next(t).returns(1, nil)
		desk.next(t).returns(2, nil)
		wants(t, "one request", one, answer{value: 1})
		wants(t, "the other", two, answer{value: 2})
		wants(t, "one request", call(ctx, get, "k"), answer{value: 1})
	})
}

func TestCallersLeave(t *testing.T) {
	tell(t, func(t *testing.T, ctx context.Context, table *memo.Table[string, int], desk *deskCache) {
		get := of(table, desk.Get)
		first, leave := context.WithCancel(ctx)
		leader, joiner := call(first, get, "k"), call(ctx, get, "k")
		load := desk.next(t)
		leave()
		wants(t, "leader that leaves", leader, answer{err: context.Canceled})
		waits(t, "joiner", joiner)
		if err := load.ctx.Err(); err != nil {
			t.Errorf("the load's context has ended: %v", err)
		}
		load.returns(7, nil)
		wants(t, "joiner", joiner, answer{value: 7})

		last, leave := context.WithCancel(ctx)
		leader = call(last, get, "other")
		load = desk.next(t)
		leave()
		wants(t, "last caller", leader, answer{err: context.Canceled})
		if load.ctx.Err() == nil {
			t.Error("the context of a load that nobody waits for lives on")
		}
		load.returns(1, nil)

		again := call(ctx, get, "other")
		desk.next(t).returns(2, nil)
		wants(t, "caller after an abandoned load", again, answer{value: 2})
	})
}

func TestTableErrorIsSharedAndNotRemembered(t *testing.T) {
	tell(t, func(t *testing.T, ctx context.Context, table *memo.Table[string, int], desk *deskCache) {
		get := of(table, desk.Get)
		one, two := call(ctx, get, "k"), call(ctx, get, "k")
		desk.next(t).returns(3, errPaper)
		wants(t, "first caller", one, answer{err: errPaper})
		wants(t, "second caller", two, answer{err: errPaper})
		third := call(ctx, get, "k")
		desk.next(t).returns(7, nil)
		wants(t, "third caller", third, answer{value: 7})
	})
}

// printer ends a load in a way whose name shows in the stack.
func printer() (int, error) { panic(errPaper) }

func TestTablePanicReachesEveryCaller(t *testing.T) {
	tell(t, func(t *testing.T, ctx context.Context, table *memo.Table[string, int], desk *deskCache) {
		get := of(table, desk.Get)
		callers := []<-chan answer{call(ctx, get, "k"), call(ctx, get, "k")}
		desk.next(t).ends(printer)
		for _, c := range callers {
			got := <-c
			var p *memo.PanicError
			if !errors.As(got.err, new(raised)) || !errors.As(got.err, &p) || !errors.Is(got.err, errPaper) {
				t.Fatalf("caller got %v, want a panic with a PanicError around the load's", got)
			}
			if !strings.HasPrefix(p.Error(), "memo: load panicked: out of paper\n") || !strings.Contains(p.Error(), ".printer(") {
				t.Errorf("no panic's value and frame of the load in %q", p.Error())
			}
		}
		again := call(ctx, get, "k")
		desk.next(t).returns(7, nil)
		wants(t, "next caller", again, answer{value: 7})
	})
}

func TestTableGoexitReleasesEveryCaller(t *testing.T) {
	tell(t, func(t *testing.T, ctx context.Context, table *memo.Table[string, int], desk *deskCache) {
		get := of(table, desk.Get)
		one, two := call(ctx, get, "k"), call(ctx, get, "k")
		desk.next(t).ends(func() (int, error) { runtime.Goexit(); return 1, nil })
		wants(t, "first caller", one, answer{err: memo.ErrGoexit})
		wants(t, "second caller", two, answer{err: memo.ErrGoexit})
		again := call(ctx, get, "k")
		desk.next(t).returns(7, nil)
		wants(t, "next caller", again, answer{value: 7})
	})
}

// Where the context can never end the load runs on its caller's goroutine,
// which an exit ends. The memo is none the worse.
func TestTableGoexitInline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var table memo.Table[string, int]
		ctx := memo.With(context.Background(), memo.Config{MaxEntries: 1})
		exits := func(context.Context, string) (int, error) { runtime.Goexit(); return 1, nil }
		works := func(context.Context, string) (int, error) { return 7, nil }
		if got, ok := <-call(ctx, of(&table, exits), "k"); ok {
			t.Errorf("caller got %v, want its goroutine to end", got)
		}
		wantGet(t, ctx, of(&table, works), "other", 7)
		wantGet(t, ctx, of(&table, exits), "other", 7) // the one place was free
	})
}

// SPEC: G28, G30
func TestTableRings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			tables  [2]memo.Table[string, int]
			refused int
			load    func(i int) getter
		)
		load = func(i int) getter {
			return func(ctx context.Context, key string) (int, error) {
				if _, err := tables[1-i].Get(ctx, key, load(1-i)); errors.Is(err, memo.ErrCycle) {
					refused++
				}
				return i, nil
			}
		}
		ctx := memo.With(t.Context(), memo.Config{})
		wantGet(t, ctx, of(&tables[1], load(1)), "k", 1)
		if refused != 1 {
			t.Errorf("%d loads were told of the ring, want 1", refused)
		}

		var own memo.Table[string, int]
		var self getter
		self = func(ctx context.Context, key string) (int, error) { return own.Get(ctx, key, self) }
		if _, err := own.Get(ctx, "k", self); !errors.Is(err, memo.ErrCycle) {
			t.Errorf("Get = %v, want ErrCycle from the load", err)
		}
	})
}

// SPEC: N06
func TestTableRefusesNaN(t *testing.T) {
	var table memo.Table[float64, int]
	ctx := memo.With(t.Context(), memo.Config{MaxEntries: 1})
	load := func(context.Context, float64) (int, error) { return 7, nil }
	for range 3 {
		if v, err := table.Get(ctx, math.NaN(), load); v != 0 || err != memo.ErrKey {
			t.Errorf("Get = %d, %v; want ErrKey", v, err)
		}
	}
	table.Forget(ctx, math.NaN())
	for range 2 { // none of them has taken the one place
		if v, err := table.Get(ctx, 1, load); v != 7 || err != nil {
			t.Errorf("Get = %d, %v; want 7", v, err)
		}
		load = nil2
	}
}

func nil2(context.Context, float64) (int, error) { return 0, errPaper }

// Forget during a load: its callers keep it, and nobody else sees its value.
func TestForgetDuringALoad(t *testing.T) {
	for _, oldFirst := range []bool{true, false} {
		tell(t, func(t *testing.T, ctx context.Context, table *memo.Table[string, int], desk *deskCache) {
			get := of(table, desk.Get)
			before := call(ctx, get, "k")
			old := desk.next(t)
			table.Forget(ctx, "other", "k")
			after := call(ctx, get, "k")
			fresh := desk.next(t)
			if oldFirst {
				old.returns(1, nil)
				waits(t, "caller from after", after)
				fresh.returns(2, nil)
			} else {
				fresh.returns(2, nil)
				old.returns(1, nil)
			}
			wants(t, "caller from before", before, answer{value: 1})
			wants(t, "caller from after", after, answer{value: 2})
			wants(t, "later caller", call(ctx, get, "k"), answer{value: 2})
		})
	}
}

func TestForgetOfAValue(t *testing.T) {
	tell(t, func(t *testing.T, ctx context.Context, table *memo.Table[string, int], desk *deskCache) {
		get := of(table, desk.Get)
		table.Forget(ctx, "k") // nothing
		call(ctx, get, "k")
		desk.next(t).returns(1, nil)
		table.Forget(ctx)
		wants(t, "caller", call(ctx, get, "k"), answer{value: 1})
		table.Forget(ctx, "k")
		again := call(ctx, get, "k")
		desk.next(t).returns(2, nil)
		wants(t, "caller after Forget", again, answer{value: 2})
	})
}

// The load's context has the values of its caller and none of its deadline.
func TestTableLoadsContext(t *testing.T) {
	type name struct{}
	var table memo.Table[string, int]
	ctx := memo.With(context.WithValue(t.Context(), name{}, "ada"), memo.Config{})
	_, _ = table.Get(ctx, "k", func(ctx context.Context, _ string) (int, error) {
		if v := ctx.Value(name{}); v != "ada" {
			t.Errorf("the load's context has the value %v, want its caller's", v)
		}
		return 1, nil
	})
}
