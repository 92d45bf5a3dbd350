package loadctx_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/internal/loadctx"
)

// begin gives a live context with the values of caller.
func begin(caller context.Context) *loadctx.Ctx {
	c := new(loadctx.Ctx)
	c.Init(caller, false)
	return c
}

// The ends of a Ctx, and the error of each.
var ends = map[string]struct {
	end func(*loadctx.Ctx)
	err error
}{
	"Cancel":  {(*loadctx.Ctx).Cancel, context.Canceled},
	"TimeOut": {(*loadctx.Ctx).TimeOut, context.DeadlineExceeded},
	"Finish":  {(*loadctx.Ctx).Finish, context.Canceled},
}

type color struct{}

func TestEnds(t *testing.T) {
	for name, tt := range ends {
		for _, asked := range []bool{false, true} { // Done makes a difference inside
			t.Run(fmt.Sprint(name, " after Done ", asked), func(t *testing.T) {
				c := begin(t.Context())
				if asked {
					c.Done()
				}
				if err := c.Err(); err != nil {
					t.Errorf("Err = %v before the end", err)
				}
				tt.end(c)
				if err := c.Err(); err != tt.err {
					t.Errorf("Err = %v after the end, want %v", err, tt.err)
				}
				for _, later := range ends {
					later.end(c)
				}
				if err := c.Err(); err != tt.err {
					t.Errorf("Err = %v after further ends, want the first: %v", err, tt.err)
				}
			})
		}
	}
}

// The caller's end, and why it ended, are no business of the load: hazard 1.
func TestCallersEndAndCauseDoNotLeak(t *testing.T) {
	for _, name := range []string{"Cancel", "Finish"} { // a time-out is that of a deadline, see TestDeadlineReachesDerivedContexts
		tt := ends[name]
		t.Run(name, func(t *testing.T) {
			caller, cancel := context.WithCancelCause(context.WithValue(t.Context(), color{}, "red"))
			c := begin(caller)
			derived, stop := context.WithCancel(context.WithValue(c, color{}, "blue"))
			defer stop()

			cancel(errors.New("client went away"))
			for _, ctx := range []context.Context{c, derived} {
				if ctx.Err() != nil || context.Cause(ctx) != nil {
					t.Errorf("%v has ended with its caller: %v, %v", ctx, ctx.Err(), context.Cause(ctx))
				}
			}
			tt.end(c)
			<-derived.Done()
			for _, ctx := range []context.Context{c, derived} {
				if ctx.Err() != tt.err || context.Cause(ctx) != tt.err {
					t.Errorf("%v ended with %v because of %v, want %v for both", ctx, ctx.Err(), context.Cause(ctx), tt.err)
				}
			}
			if got := c.Value(color{}); got != "red" {
				t.Errorf("Value = %v after both ends, want red", got)
			}
		})
	}
}

// Nor does the caller's end leak through a load within the caller's load.
func TestCauseDoesNotLeakThroughTwoLoads(t *testing.T) {
	caller, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("client went away"))
	outer := begin(caller)
	derived, stop := context.WithCancelCause(outer)
	inner := begin(derived)
	stop(errors.New("the outer load gave up"))
	inner.Finish()
	if cause := context.Cause(inner); cause != context.Canceled {
		t.Errorf("Cause = %v, want Canceled", cause)
	}
}

// Contexts that the load derives start no goroutines: hazard 2.
func TestDerivedContextsStartNoGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := begin(t.Context())
		before := runtime.NumGoroutine()
		var derived []context.Context
		for range 100 {
			one, stop := context.WithCancel(c)
			two, stop2 := context.WithTimeout(c, time.Hour)
			defer stop()
			defer stop2()
			derived = append(derived, one, two)
			context.AfterFunc(c, func() {})
		}
		if n := runtime.NumGoroutine() - before; n > 0 {
			t.Errorf("300 derivations started %d goroutines", n)
		}
		c.Cancel()
		synctest.Wait()
		for _, ctx := range derived {
			if ctx.Err() != context.Canceled {
				t.Fatalf("a derived context has %v, want its parent's Canceled", ctx.Err())
			}
		}
	})
}

// A derived context that is done with leaves nothing with its parent.
func TestDerivedContextsAreLetGo(t *testing.T) {
	c := begin(t.Context())
	done := make(chan struct{})
	func() {
		big := new([1 << 16]byte)
		runtime.AddCleanup(big, func(struct{}) { close(done) }, struct{}{})
		ctx, stop := context.WithCancel(c)
		context.AfterFunc(ctx, func() { big[0]++ })()
		stop()
	}()
	for range 100 {
		runtime.GC()
		select {
		case <-done:
			runtime.KeepAlive(c)
			return
		default:
			runtime.Gosched()
		}
	}
	t.Error("what a stopped AfterFunc held is still in memory")
}

// Printing shows nothing, and reads nothing that others write: hazard 3. It is
// for the race detector.
func TestPrintingIsConstant(t *testing.T) {
	for range 100 {
		c := begin(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			context.AfterFunc(c, func() {})
			<-c.Done()
		})
		wg.Go(c.Cancel)
		for range 10 {
			if got, want := fmt.Sprintf("%s %v %+v", c, c, c), "onefold.load onefold.load onefold.load"; got != want {
				t.Errorf("printed as %q, want %q", got, want)
			}
		}
		if got := fmt.Sprint(context.WithValue(c, color{}, "red")); got == "" {
			t.Error("a derived context prints as nothing")
		}
		wg.Wait()
	}
}

// Derived contexts read the deadline once: hazard 6.
func TestDeadlineIsFixed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if d, ok := begin(t.Context()).Deadline(); ok || !d.IsZero() {
			t.Errorf("Deadline = %v, %v without a limit", d, ok)
		}
		caller, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		c := begin(caller)
		want := time.Now().Add(time.Hour)
		c.Limit(time.Hour, c.TimeOut)
		for i, act := range []func(){
			func() {},
			func() { time.Sleep(2 * time.Minute) }, // the caller's comes
			func() { c.Done() },
			func() { time.Sleep(time.Hour) }, // its own comes
			c.Finish,
			c.Cancel,
		} {
			act()
			if d, ok := c.Deadline(); !ok || !d.Equal(want) {
				t.Errorf("after step %d the deadline is %v, %v; want %v", i, d, ok, want)
			}
		}
	})
}

// A load that follows its caller has the earlier of the two deadlines.
func TestFollowedDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for limit, want := range map[time.Duration]time.Duration{
			time.Second: time.Second,
			time.Hour:   time.Minute,
		} {
			caller, stop := context.WithTimeout(t.Context(), time.Minute)
			c := new(loadctx.Ctx)
			c.Init(caller, true)
			if d, ok := c.Deadline(); !ok || time.Until(d) != time.Minute {
				t.Errorf("without a limit the deadline is in %v, %v; want the caller's", time.Until(d), ok)
			}
			c.Limit(limit, c.TimeOut)
			if d, ok := c.Deadline(); !ok || time.Until(d) != want {
				t.Errorf("with a limit of %v the deadline is in %v, %v; want %v", limit, time.Until(d), ok, want)
			}
			c.Finish()
			stop()
		}
	})
}

func TestLimitCallsExpireInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		for _, d := range []time.Duration{0, 1, time.Second} {
			c := begin(t.Context())
			c.Limit(d, c.TimeOut)
			if d > 0 && c.Overdue() {
				t.Errorf("overdue %v before its deadline", d)
			}
			<-c.Done()
			if c.Err() != context.DeadlineExceeded || !c.Overdue() {
				t.Errorf("after %v: Err = %v, Overdue = %v", d, c.Err(), c.Overdue())
			}
		}
		if age := time.Since(start); age != time.Second+1 {
			t.Errorf("the ends came after %v, want 1.000000001s", age)
		}
	})
}

func TestEndStopsTheTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, end := range []func(*loadctx.Ctx){(*loadctx.Ctx).Cancel, (*loadctx.Ctx).Finish} {
			c := begin(t.Context())
			c.Limit(time.Hour, func() { t.Error("expire was called after the end") })
			end(c)
			time.Sleep(2 * time.Hour)
			synctest.Wait()
		}
	})
}

// There is one Done channel, whenever it is asked for: hazard 7.
func TestDoneIsOneChannel(t *testing.T) {
	for name, tt := range ends {
		c := begin(t.Context())
		before := c.Done()
		select {
		case <-before:
			t.Errorf("%s: Done is closed before", name)
		default:
		}
		tt.end(c)
		if c.Done() != before {
			t.Errorf("%s: another channel after the end", name)
		}
		<-before

		late := begin(t.Context())
		tt.end(late)
		<-late.Done() // closed, though nobody had asked for it before
		if late.Done() != late.Done() {
			t.Errorf("%s: two channels after the end", name)
		}
	}
}

// Err is set before Done is closed: hazard 7 too.
func TestConcurrentDoneAndErr(t *testing.T) {
	for range 5_000 {
		c := begin(context.Background())
		var (
			wg    sync.WaitGroup
			chans [3]<-chan struct{}
		)
		for i := range chans {
			wg.Go(func() {
				for chans[i] = c.Done(); ; {
					select {
					case <-chans[i]:
						if c.Err() == nil {
							t.Error("Done is closed, and Err is nil")
						}
						return
					default:
					}
				}
			})
		}
		c.Cancel()
		wg.Wait()
		if chans[0] != chans[1] || chans[1] != chans[2] || chans[0] != c.Done() {
			t.Fatal("there are several Done channels")
		}
	}
}

func TestFrom(t *testing.T) {
	if c := loadctx.From(t.Context()); c != nil {
		t.Errorf("From gave %v for a context of no load", c)
	}
	outer := begin(t.Context())
	inner := begin(context.WithValue(outer, color{}, "red"))
	derived, stop := context.WithCancel(inner)
	defer stop()
	for _, tt := range []struct {
		ctx  context.Context
		want *loadctx.Ctx
	}{
		{outer, outer}, {inner, inner}, {derived, inner}, {context.WithoutCancel(derived), inner},
	} {
		if got := loadctx.From(tt.ctx); got != tt.want {
			t.Errorf("From(%v) = %p, want %p", tt.ctx, got, tt.want)
		}
	}
	if got := inner.Value(color{}); got != "red" {
		t.Errorf("Value = %v through two loads, want red", got)
	}
}

// A context kept after its load belongs to no load: hazard 5. One that has
// ended otherwise still does, for its load runs.
func TestFromAfterTheEnd(t *testing.T) {
	c := begin(t.Context())
	c.Cancel()
	if loadctx.From(c) != c {
		t.Error("a canceled load that has not returned has lost its context")
	}
	c.Finish()
	if loadctx.From(c) != nil {
		t.Error("a load that has returned still has its context")
	}
}

// A load's own time limit is a deadline for what the load derives, with the
// error of one, whether that was derived before or after, and with no trace of
// what ended the caller.
func TestDeadlineReachesDerivedContexts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		caller, cancel := context.WithCancelCause(t.Context())
		c := begin(caller)
		c.Limit(time.Second, c.TimeOut)
		before, stop := context.WithCancel(context.WithValue(c, color{}, "blue"))
		defer stop()
		cancel(errors.New("client went away"))
		<-before.Done()
		after, stop2 := context.WithTimeout(c, time.Hour)
		defer stop2()
		for _, ctx := range []context.Context{c, before, after} {
			if ctx.Err() != context.DeadlineExceeded || context.Cause(ctx) != context.DeadlineExceeded {
				t.Errorf("%v ended with %v because of %v, want DeadlineExceeded for both", ctx, ctx.Err(), context.Cause(ctx))
			}
		}
	})
}

// Most loaders put a span into the context before they derive from it, and so
// the context package finds no AfterFunc method: hazard 2 by the back door.
func TestContextsDerivedThroughAValueStartNoGoroutine(t *testing.T) {
	c := begin(t.Context())
	defer c.Finish()
	spanned := context.WithValue(c, color{}, "red")
	before := runtime.NumGoroutine()
	for range 100 {
		_, stop := context.WithCancel(spanned)
		defer stop()
	}
	if n := runtime.NumGoroutine() - before; n > 0 {
		t.Errorf("100 derived contexts started %d goroutines", n)
	}
}

// No verb may look inside: what is there is written meanwhile, and a map that
// is printed while it is written ends the process.
func TestPrintingIsConstantWithEveryVerb(t *testing.T) {
	c := begin(t.Context())
	for _, verb := range []string{"%#v", "%d", "%t"} {
		if got := fmt.Sprintf(verb, c); got != "onefold.load" {
			t.Errorf("%s prints %s, want onefold.load", verb, got)
		}
	}
}

// Once Err has said something it says the same for ever. Here the deadline
// comes, the load hears of it and returns, before the owner has called TimeOut.
func TestErrStaysWhatItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := begin(t.Context())
		c.Limit(time.Second, func() {}) // the owner is slow to expire it
		derived, stop := context.WithCancel(c)
		defer stop()
		<-derived.Done()
		before := c.Err()
		c.Finish()
		if after := c.Err(); before != context.DeadlineExceeded || after != before || derived.Err() != before {
			t.Errorf("Err = %v, then %v; a derived context has %v; want DeadlineExceeded for all", before, after, derived.Err())
		}
	})
}

// A context derived from one that has ended ends as that did, whatever has come
// since.
func TestDerivedAfterTheEndAndAfterTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := begin(t.Context())
		c.Limit(time.Second, c.TimeOut)
		c.Finish()
		time.Sleep(2 * time.Second)
		derived, stop := context.WithCancel(c)
		defer stop()
		for _, ctx := range []context.Context{c, derived} {
			if ctx.Err() != context.Canceled || context.Cause(ctx) != context.Canceled {
				t.Errorf("%v ended with %v because of %v, want Canceled for both", ctx, ctx.Err(), context.Cause(ctx))
			}
		}
	})
}
