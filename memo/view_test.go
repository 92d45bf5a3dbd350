package memo_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/memo"
	"github.com/onefold-go/onefold/tier"
)

var errPaper = errors.New("out of paper")

// SPEC: N12
func TestSameAnswerAllThroughARequest(t *testing.T) {
	var src source
	src.set("k", 1)
	cache := newCache(t, src.load)
	view := memo.Over(cache)
	ctx, other := memo.With(t.Context(), memo.Config{}), memo.With(t.Context(), memo.Config{})

	wantGet(t, ctx, view.Get, "k", 1)
	src.set("k", 2)
	if err := cache.Delete(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	wantGet(t, ctx, view.Get, "k", 1)
	wantGet(t, other, view.Get, "k", 2)
	wantGet(t, t.Context(), view.Get, "k", 2)

	if err := view.Write(other, "k", src.setter("k", 3)); err != nil {
		t.Fatal(err)
	}
	wantGet(t, other, view.Get, "k", 3) // it wrote
	wantGet(t, ctx, view.Get, "k", 1)   // it did not

	if err := view.Write(ctx, "k", src.setter("k", 4)); err != nil {
		t.Fatal(err)
	}
	wantGet(t, ctx, view.Get, "k", 4)
	wantGet(t, other, view.Get, "k", 3)
}

// SPEC: N12
func TestRequestReadsWhatItWrote(t *testing.T) {
	var src source
	cache := newCache(t, src.load)
	view := memo.Over(cache)
	ctx := memo.With(t.Context(), memo.Config{})
	for i, write := range []func(value int){
		func(value int) {
			if err := view.Write(ctx, "k", src.setter("k", value)); err != nil {
				t.Error(err)
			}
		},
		func(value int) { // the answer of the commit was lost
			err := view.Write(ctx, "k", func(context.Context) error {
				src.set("k", value)
				return errPaper
			})
			if err != errPaper {
				t.Errorf("Write = %v, want the write's error", err)
			}
		},
		func(value int) {
			defer func() { _ = recover() }()
			_ = view.Write(ctx, "k", func(context.Context) error {
				src.set("k", value)
				panic("after the commit")
			})
		},
		func(value int) {
			src.set("k", value)
			if err := view.Delete(ctx, "other", "k"); err != nil {
				t.Error(err)
			}
		},
		func(value int) {
			if err := cache.Set(ctx, "k", tier.Loaded[int]{Value: value}); err != nil {
				t.Error(err)
			}
			view.Forget(ctx, "other", "k")
		},
	} {
		before, _ := view.Get(ctx, "k")
		write(i + 10)
		wantGet(t, ctx, view.Get, "k", i+10)
		if before == i+10 {
			t.Errorf("write %d changed nothing: this tests nothing", i)
		}
	}
}

// What the cache could not delete, the request forgets all the same.
func TestRequestForgetsWhateverTheCacheSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cache := newDesk()
		cache.err = errPaper
		view := memo.Over[string, int](cache)
		ctx := memo.With(t.Context(), memo.Config{})
		for i, change := range []func() error{
			func() error { return view.Delete(ctx, "k") },
			func() error { return view.Write(ctx, "k", func(context.Context) error { return nil }) },
		} {
			first := call(ctx, view.Get, "k")
			cache.next(t).returns(i, nil)
			wants(t, "caller", first, answer{value: i})
			wants(t, "caller who asks again", call(ctx, view.Get, "k"), answer{value: i})
			if err := change(); err != errPaper {
				t.Errorf("the change gave %v, want the cache's error", err)
			}
			call(ctx, view.Get, "k")
			cache.next(t).returns(0, errPaper)
		}
	})
}

// The request reads the key while its change is under way, as in a change that
// depends on what was there. That is not what it reads afterwards.
//
// SPEC: N12
func TestGetDuringAChange(t *testing.T) {
	var src source
	view := memo.Over(newCache(t, src.load))
	ctx := memo.With(t.Context(), memo.Config{})
	for i := range 3 {
		err := view.Write(ctx, "k", func(ctx context.Context) error {
			v, err := view.Get(ctx, "k")
			src.set("k", v+1)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		wantGet(t, ctx, view.Get, "k", i+1)
	}

	synctest.Test(t, func(t *testing.T) {
		cache := newDesk()
		view := memo.Over[string, int](cache)
		ctx := memo.With(t.Context(), memo.Config{})
		cache.deleting = func() {
			call(ctx, view.Get, "k")
			cache.next(t).returns(1, nil)
		}
		if err := view.Delete(ctx, "k"); err != nil {
			t.Fatal(err)
		}
		after := call(ctx, view.Get, "k")
		cache.next(t).returns(2, nil)
		wants(t, "caller from after", after, answer{value: 2})
	})
}

// A Get that began before a Write and ends after it brings what was there
// before. That is an answer to its own caller, and to nobody later.
func TestGetFromBeforeAWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cache := newDesk()
		view := memo.Over[string, int](cache)
		ctx := memo.With(t.Context(), memo.Config{})
		first := call(ctx, view.Get, "k")
		before := cache.next(t)
		if err := view.Write(ctx, "k", func(context.Context) error { return nil }); err != nil {
			t.Fatal(err)
		}
		before.returns(1, nil)
		wants(t, "caller from before", first, answer{value: 1})

		second := call(ctx, view.Get, "k")
		cache.next(t).returns(2, nil)
		wants(t, "caller from after", second, answer{value: 2})
		wants(t, "later caller", call(ctx, view.Get, "k"), answer{value: 2})
	})
}

// The same, but a Get from after the Write is under way or done when the old
// one ends, well or not: that must not touch what is the new one's.
func TestGetFromBeforeAWriteEndsLate(t *testing.T) {
	for _, newFirst := range []bool{true, false} {
		for _, oldErr := range []error{nil, errPaper} {
			synctest.Test(t, func(t *testing.T) {
				cache := newDesk()
				view := memo.Over[string, int](cache)
				ctx := memo.With(t.Context(), memo.Config{})
				call(ctx, view.Get, "k")
				before := cache.next(t)
				view.Forget(ctx, "k")
				second := call(ctx, view.Get, "k")
				after := cache.next(t)
				if newFirst {
					after.returns(2, nil)
					before.returns(1, oldErr)
				} else {
					before.returns(1, oldErr)
					third := call(ctx, view.Get, "k")
					cache.next(t).returns(3, nil)
					wants(t, "third caller", third, answer{value: 3})
					after.returns(2, nil)
					wants(t, "second caller, whom the third was ahead of", second, answer{value: 3})
					return
				}
				wants(t, "second caller", second, answer{value: 2})
				wants(t, "later caller", call(ctx, view.Get, "k"), answer{value: 2})
			})
		}
	}
}

// Two Gets are under way at once, and between them somebody has deleted the
// key: the cache has two answers, and the request one.
//
// SPEC: N12
func TestTwoGetsAtOnceGiveOneAnswer(t *testing.T) {
	for _, olderFirst := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			cache := newDesk()
			view := memo.Over[string, int](cache)
			ctx := memo.With(t.Context(), memo.Config{})
			one, two := call(ctx, view.Get, "k"), call(ctx, view.Get, "k")
			older, newer := cache.next(t), cache.next(t)
			want := 2
			if olderFirst {
				older.returns(1, nil)
				want = 1
			}
			newer.returns(2, nil)
			if !olderFirst {
				older.returns(1, nil)
			}
			wants(t, "first caller", one, answer{value: want})
			wants(t, "second caller", two, answer{value: want})
			wants(t, "later caller", call(ctx, view.Get, "k"), answer{value: want})
		})
	}
}

// Callers of a request who miss at once share the cache's one load.
func TestViewSharesTheCachesLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		desk := newDesk()
		view := memo.Over(newCache(t, desk.Get))
		ctx := memo.With(t.Context(), memo.Config{})
		leaving, leave := context.WithCancel(ctx)
		leaver := call(leaving, view.Get, "k")
		one, two := call(ctx, view.Get, "k"), call(ctx, view.Get, "k")
		load := desk.next(t)
		desk.idle(t)
		leave()
		wants(t, "caller that leaves", leaver, answer{err: context.Canceled})
		load.returns(7, nil)
		wants(t, "first caller", one, answer{value: 7})
		wants(t, "second caller", two, answer{value: 7})
	})
}

// What goes wrong in the cache reaches the caller as the cache gave it, and is
// not remembered.
func TestViewPassesFailuresOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cache := newDesk()
		view := memo.Over[string, int](cache)
		ctx := memo.With(t.Context(), memo.Config{MaxEntries: 1})
		failed := call(ctx, view.Get, "k")
		cache.next(t).returns(3, errPaper)
		wants(t, "caller", failed, answer{3, errPaper})

		panicked := call(ctx, view.Get, "k")
		cache.next(t).ends(func() (int, error) { panic(errPaper) })
		wants(t, "caller", panicked, answer{err: raised{errPaper}})

		well := call(ctx, view.Get, "other") // none of them has taken the one place
		cache.next(t).returns(7, nil)
		wants(t, "caller", well, answer{value: 7})
		wants(t, "caller", call(ctx, view.Get, "other"), answer{value: 7})
	})
}

// One of two Gets of a slot fails; the other still has it.
func TestFailureBesideASuccess(t *testing.T) {
	for _, failsFirst := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			cache := newDesk()
			view := memo.Over[string, int](cache)
			ctx := memo.With(t.Context(), memo.Config{})
			fails, works := call(ctx, view.Get, "k"), call(ctx, view.Get, "k")
			one, two := cache.next(t), cache.next(t)
			if failsFirst {
				one.returns(0, errPaper)
			}
			two.returns(7, nil)
			if !failsFirst {
				one.returns(0, errPaper)
			}
			wants(t, "caller who fails", fails, answer{err: errPaper})
			wants(t, "the other", works, answer{value: 7})
			wants(t, "later caller", call(ctx, view.Get, "k"), answer{value: 7})
		})
	}
}

// A tier's panic and ring are seen through a View as without it.
func TestViewOfATierThatPanics(t *testing.T) {
	ctx := memo.With(t.Context(), memo.Config{})
	view := memo.Over(newCache(t, func(context.Context, string) (int, error) { panic(errPaper) }))
	if _, err := safely(ctx, view.Get, "k"); !errors.As(err, new(*onefold.PanicError)) || !errors.Is(err, errPaper) {
		t.Errorf("Get gave %v, want a panic with onefold.PanicError", err)
	}

	var own *memo.View[string, int]
	own = memo.Over(newCache(t, func(ctx context.Context, key string) (int, error) {
		_, err := own.Get(ctx, key)
		if !errors.Is(err, onefold.ErrCycle) {
			t.Errorf("the load got %v for its own key, want ErrCycle", err)
		}
		return 7, nil
	}))
	wantGet(t, ctx, own.Get, "k", 7)
}

func TestHitWithADeadContext(t *testing.T) {
	var src source
	view := memo.Over(newCache(t, src.load))
	ctx := memo.With(t.Context(), memo.Config{})
	wantGet(t, ctx, view.Get, "k", 0)
	dead, cancel := context.WithCancel(ctx)
	cancel()
	wantGet(t, dead, view.Get, "k", 0)
	if _, err := view.Get(dead, "other"); err != context.Canceled {
		t.Errorf("Get = %v, want Canceled", err)
	}
}
