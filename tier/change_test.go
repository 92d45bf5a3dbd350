package tier_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/codec"
	"github.com/onefold-go/onefold/tier"
)

// SPEC: C10
func TestDeleteDuringALoadKeepsItsValueOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		src := &source{value: 1, hook: g.pass}
		c := newCache(t, src.load, tier.Config{})
		leader := get(t.Context(), c, "k")
		<-g.reached
		src.set(2)
		if err := c.Delete(t.Context(), "k"); err != nil {
			t.Error(err)
		}
		close(g.open)
		wantReply(t, <-leader, 1) // it began before Delete
		wantNoPeek(t, c, "k")
		wantGet(t, c, "k", 2)
	})
}

// SPEC: C11
func TestGetAfterDeleteNeverJoinsTheOlderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		src := &source{value: 1, hook: g.pass}
		c := newCache(t, src.load, tier.Config{})
		before := get(t.Context(), c, "k")
		<-g.reached
		src.set(2)
		if err := c.Delete(t.Context(), "k"); err != nil {
			t.Error(err)
		}
		wantReply(t, <-get(t.Context(), c, "k"), 2) // though the older load still runs
		close(g.open)
		wantReply(t, <-before, 1)
		wantPeek(t, c, "k", 2) // the older load, ending last, changed nothing
		if got, want := c.Stats(), (tier.Stats{Led: 2}); got != want {
			t.Errorf("Stats = %+v, want %+v", got, want)
		}
	})
}

// SPEC: C12
func TestSetDuringALoadWins(t *testing.T) {
	for name, far := range map[string][]tier.Far[string, int]{
		"near only":  nil,
		"far":        {encoded(&memStore{})},
		"far Setter": {encoded(setStore{&memStore{}})},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := newGate()
			src := &source{value: 1, hook: g.pass}
			c := newCache(t, src.load, tier.Config{}, far...)
			leader := get(t.Context(), c, "k")
			<-g.reached
			if err := c.Set(t.Context(), "k", tier.Loaded[int]{Value: 2}); err != nil {
				t.Error(err)
			}
			wantReply(t, <-get(t.Context(), c, "k"), 2)
			close(g.open)
			wantReply(t, <-leader, 1)
			wantPeek(t, c, "k", 2)
			for _, f := range far {
				wantGet(t, newCache(t, src.load, tier.Config{}, f), "k", 2)
			}
			if n := src.count(); n != 1 {
				t.Errorf("%s: %d loads, want 1", name, n)
			}
		})
	}
}

// Whatever loads are under way when the source changes and the key is deleted:
// nobody who asks after that sees what was there before.
//
// SPEC: L03
func TestGetAfterDeleteSeesTheNewSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{hook: func() { time.Sleep(10 * time.Millisecond) }}
		c := newCache(t, src.load, tier.Config{}, encoded(&memStore{}), encoded(&memStore{}))
		var readers sync.WaitGroup
		stop := make(chan struct{})
		for i := range 5 {
			readers.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						_, _ = c.Get(t.Context(), "k")
						time.Sleep(time.Duration(i+1) * time.Millisecond)
					}
				}
			})
		}
		for version := 1; version <= 50; version++ {
			time.Sleep(7 * time.Millisecond)
			src.set(version)
			if err := c.Delete(t.Context(), "k"); err != nil {
				t.Error(err)
			}
			wantGet(t, c, "k", version)
		}
		close(stop)
		readers.Wait()
	})
}

// SPEC: C34
func TestDeleteOfWhatIsNotThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{value: 1}
		c := newCache(t, src.load, tier.Config{}, encoded(&memStore{}))
		wantGet(t, c, "other", 1)
		wantGet(t, c, "k", 1)
		for range 2 {
			if err := c.Delete(t.Context(), "absent", "k", "k"); err != nil {
				t.Errorf("Delete = %v, want nil", err)
			}
			wantNoPeek(t, c, "k")
			wantPeek(t, c, "other", 1)
		}
		if err := c.Delete(t.Context()); err != nil {
			t.Errorf("Delete of no keys = %v, want nil", err)
		}
		if n := src.count(); n != 2 {
			t.Errorf("%d loads, want 2", n)
		}
	})
}

// SPEC: C35
func TestManyDeletesDoNotHoldALoadOrItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{value: 1, hook: func() { time.Sleep(time.Second) }}
		c := newCache(t, src.load, tier.Config{}, encoded(&memStore{}))
		start := time.Now()
		leader := get(t.Context(), c, "k")
		for range 99 {
			time.Sleep(10 * time.Millisecond)
			if err := c.Delete(t.Context(), "k"); err != nil {
				t.Error(err)
			}
		}
		wantReply(t, <-leader, 1)
		if took := time.Since(start); took != time.Second {
			t.Errorf("Get took %v, want the second of its load", took)
		}
		if n := src.count(); n != 1 {
			t.Errorf("%d loads, want 1", n)
		}
	})
}

func TestDeleteOfManyKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memStore{}
		c := newCache(t, (&source{value: 1}).load, tier.Config{}, encoded(store))
		keys := []string{"a", "b", "c"}
		for _, key := range keys {
			wantGet(t, c, key, 1)
		}
		if err := c.Delete(t.Context(), keys[:2]...); err != nil {
			t.Error(err)
		}
		for i, key := range keys {
			if _, near := c.Peek(key); near != (i == 2) || (store.data(key) != nil) != (i == 2) {
				t.Errorf("Delete(a, b) left %s near %t, far %q", key, near, store.data(key))
			}
		}
	})
}

// However write ends, what it may have changed is deleted.
//
// SPEC: L03
func TestWriteDeletesWhateverHappened(t *testing.T) {
	errWrite := errors.New("write")
	for name, end := range map[string]func() error{
		"success": func() error { return nil },
		"error":   func() error { return errWrite },
		"panic":   func() error { panic(errWrite) },
		"Goexit":  func() error { runtime.Goexit(); return nil },
	} {
		synctest.Test(t, func(t *testing.T) {
			src := &source{value: 1}
			store := &memStore{}
			c := newCache(t, src.load, tier.Config{}, encoded(store))
			wantGet(t, c, "k", 1)
			wantGet(t, c, "other", 1)
			type id struct{}
			ctx, cancel := context.WithCancel(context.WithValue(t.Context(), id{}, "me"))
			done := make(chan any, 1)
			go func() {
				var err error
				defer func() {
					if p := recover(); p != nil {
						done <- p
						return
					}
					done <- err
				}()
				err = c.Write(ctx, "k", func(ctx context.Context) error {
					if ctx.Value(id{}) != "me" || ctx.Err() != nil {
						t.Errorf("write's context is not the caller's")
					}
					src.set(2)
					cancel() // the caller goes away while the answer of the commit is on its way
					if ctx.Err() == nil {
						t.Error("write's context outlives the caller's")
					}
					return end()
				})
			}()
			got := <-done
			if err, _ := got.(error); (name == "success" || name == "Goexit") != (err == nil) || err != nil && !errors.Is(err, errWrite) {
				t.Errorf("%s: Write came to %v", name, got)
			}
			wantNoPeek(t, c, "k")
			wantPeek(t, c, "other", 1)
			if data := store.data("k"); data != nil {
				t.Errorf("%s: the far tier still holds %q", name, data)
			}
			wantGet(t, c, "k", 2)
		})
	}
}

// A load that begins while write runs may see the old source, so write comes
// first and Delete after it.
func TestWriteDeletesAfterTheWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{value: 1}
		c := newCache(t, src.load, tier.Config{})
		err := c.Write(t.Context(), "k", func(ctx context.Context) error {
			wantGet(t, c, "k", 1)
			src.set(2)
			wantGet(t, c, "k", 1)
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		wantGet(t, c, "k", 2)
	})
}

func TestWriteJoinsItsErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errWrite := errors.New("write")
		store := &memStore{before: only("delete", down)}
		c := newCache(t, (&source{}).load, tier.Config{}, encoded(store))
		for _, want := range []error{nil, errWrite} {
			err := c.Write(t.Context(), "k", func(context.Context) error { return want })
			var failed *tier.DeleteError
			if !errors.As(err, &failed) || !errors.Is(err, errDown) || want != nil && !errors.Is(err, want) {
				t.Errorf("Write = %v, want the deletion's error and %v", err, want)
			}
		}
	})
}

// SPEC: R10
func TestDeleteNamesTheTiersThatFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		top, deep := &memStore{}, &memStore{}
		c := newCache(t, (&source{value: 1}).load, tier.Config{}, encoded(top), encoded(deep))
		wantGet(t, c, "k", 1)
		errDeep := errors.New("deep is read-only")
		deep.before = only("delete", func(context.Context, string, string) error { return errDeep })
		err := c.Delete(t.Context(), "k", "l")
		var failed *tier.DeleteError
		if !errors.As(err, &failed) || !slices.Equal(failed.Tiers, []int{1, 1}) || len(failed.Errs) != 2 || !errors.Is(err, errDeep) {
			t.Errorf("Delete = %#v, want a DeleteError of tier 1 twice", err)
		}
		if err == nil || !strings.Contains(err.Error(), "[1 1]") || !strings.Contains(err.Error(), errDeep.Error()) {
			t.Errorf("Delete = %v, want it to name the tier and why", err)
		}
		wantNoPeek(t, c, "k")
		if top.data("k") != nil {
			t.Error("the tier that could delete was not asked to")
		}

		top.before, deep.before = only("delete", down), nil
		if err := c.Delete(t.Context(), "k"); !errors.As(err, &failed) || !slices.Equal(failed.Tiers, []int{0}) || !errors.Is(err, errDown) {
			t.Errorf("Delete = %#v, want a DeleteError of tier 0", err)
		}
		if deep.data("k") != nil {
			t.Error("Delete did not reach the deep tier")
		}
	})
}

// Far tiers are told deepest first, the near tier last: see the interleavings
// in fence_test.go for what goes wrong in other orders.
func TestOrderOfTiers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var order []string
		note := func(name string) func(context.Context, string, string) error {
			return func(_ context.Context, op, _ string) error {
				order = append(order, op+" "+name)
				return nil
			}
		}
		near := &spyNear{Near: newNear[string, int]()}
		near.set = func() { order = append(order, "set near") }
		near.delete = func() { order = append(order, "delete near") }
		c := newCacheOver(t, (&source{value: 1}).load, tier.Config{}, near,
			encoded(setStore{&memStore{after: note("top")}}), encoded(setStore{&memStore{after: note("deep")}}))
		for _, tt := range []struct {
			call func() error
			want []string
		}{
			{
				func() error { _, err := c.Get(t.Context(), "k"); return err },
				[]string{"acquire top", "acquire deep", "fill deep", "fill top", "set near"},
			},
			{
				func() error { return c.Delete(t.Context(), "k") },
				[]string{"delete deep", "delete top", "delete near"},
			},
			{
				func() error { return c.Set(t.Context(), "k", tier.Loaded[int]{Value: 2}) },
				[]string{"set deep", "delete top", "set near"},
			},
		} {
			order = nil
			if err := tt.call(); err != nil {
				t.Error(err)
			}
			if tt.want[0] == "set deep" { // what else Set does first is its own affair
				order = slices.DeleteFunc(order, func(op string) bool { return op == "delete near" })
			}
			if !slices.Equal(order, tt.want) {
				t.Errorf("the tiers saw %q, want %q", order, tt.want)
			}
		}
	})
}

// A spyNear calls its hooks, those that are not nil, ahead of the near tier's
// methods of these names, and got behind Get.
type spyNear struct {
	tier.Near[string, int]
	got, set, delete func()
}

func (s *spyNear) Get(key string) *tier.Entry[int] {
	e := s.Near.Get(key)
	if s.got != nil {
		s.got()
	}
	return e
}

func (s *spyNear) Set(key string, e *tier.Entry[int]) {
	if s.set != nil {
		s.set()
	}
	s.Near.Set(key, e)
}

func (s *spyNear) Delete(key string) {
	if s.delete != nil {
		s.delete()
	}
	s.Near.Delete(key)
}

func TestSetReachesEveryTier(t *testing.T) {
	for name, wrap := range map[string]func(*memStore) tier.Store{
		"Leaser": func(s *memStore) tier.Store { return s },
		"Setter": func(s *memStore) tier.Store { return setStore{s} },
	} {
		synctest.Test(t, func(t *testing.T) {
			src := &source{value: 1}
			top, deep := &memStore{}, &memStore{}
			cfg := tier.Config{TTL: 10 * time.Second}
			c := newCache(t, src.load, cfg, encoded(wrap(top)), encoded(wrap(deep)))
			wantGet(t, c, "k", 1)
			if err := c.Set(t.Context(), "k", tier.Loaded[int]{Value: 2, TTL: 5 * time.Second}); err != nil {
				t.Error(err)
			}
			wantPeek(t, c, "k", 2)
			for _, far := range [][]tier.Far[string, int]{{encoded(top), encoded(deep)}, {encoded(top)}} { // the first brings it to the top
				other := newCache(t, src.load, cfg, far...)
				wantGet(t, other, "k", 2)
				time.Sleep(5*time.Second/2 - 1)
				wantPeek(t, other, "k", 2)
			}
			time.Sleep(2) // 5 s since Set
			wantNoPeek(t, c, "k")
			wantGet(t, c, "k", 1)
			if n := src.count(); n != 2 {
				t.Errorf("%s: %d loads, want 2", name, n)
			}
		})
	}
}

// A Set whose caller leaves, or that a far tier fails, leaves nothing near:
// what the far tiers hold is not known.
func TestSetThatFailsIsNotKeptNear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memStore{}
		c := newCache(t, (&source{value: 1}).load, tier.Config{}, encoded(setStore{store}))
		wantGet(t, c, "k", 1)
		store.before = only("set", down)
		if err := c.Set(t.Context(), "k", tier.Loaded[int]{Value: 2}); !errors.Is(err, errDown) || !strings.Contains(fmt.Sprint(err), "far tier 0") {
			t.Errorf("Set = %v, want %v of far tier 0", err, errDown)
		}
		wantNoPeek(t, c, "k")

		g := newGate()
		store.before = only("set", g.hook)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- c.Set(ctx, "k", tier.Loaded[int]{Value: 3}) }()
		<-g.reached
		cancel()
		synctest.Wait()
		wantNoPeek(t, c, "k")
		close(g.open)
		<-done // whether the store heard of the end in time is its own affair
		store.before = only("set", hang)
		ctx, cancel = context.WithCancel(t.Context())
		go func() { done <- c.Set(ctx, "k", tier.Loaded[int]{Value: 4}) }()
		synctest.Wait()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Set = %v, want Canceled", err)
		}
		wantNoPeek(t, c, "k")
	})
}

// Callers that come while Set writes to far tiers wait for it, and Delete takes
// it out as it does a load.
func TestSetStandsInThePlaceOfALoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		src := &source{value: 1}
		store := &memStore{before: only("set", g.hook)}
		c := newCache(t, src.load, tier.Config{}, encoded(setStore{store}))
		done := make(chan error, 1)
		go func() { done <- c.Set(t.Context(), "k", tier.Loaded[int]{Value: 2}) }()
		<-g.reached
		joiner := get(t.Context(), c, "k")
		synctest.Wait()
		if err := c.Delete(t.Context(), "k"); err != nil {
			t.Error(err)
		}
		wantReply(t, <-get(t.Context(), c, "k"), 1) // loaded after Delete
		close(g.open)
		if err := <-done; err != nil {
			t.Error(err)
		}
		wantReply(t, <-joiner, 2)
		wantNoPeek(t, c, "k") // what was loaded meanwhile may be older than what Set brought
		wantGet(t, c, "k", 2)
	})
}

// A far tier that cannot store fails the writer. A reader who happens to wait
// for that write must not fail with it: the source is there.
func TestGetDuringAFailingSetIsNotFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		arrived := newGate()
		store := &memStore{before: only("set", func(context.Context, string, string) error {
			arrived.pass()
			return errDown
		})}
		c := newCache(t, (&source{value: 1}).load, tier.Config{}, encoded(setStore{store}))
		set := make(chan error, 1)
		go func() { set <- c.Set(t.Context(), "k", tier.Loaded[int]{Value: 2}) }()
		<-arrived.reached
		g := get(t.Context(), c, "k")
		synctest.Wait()
		close(arrived.open)
		if err := <-set; !errors.Is(err, errDown) {
			t.Errorf("Set = %v, want %v", err, errDown)
		}
		if r := <-g; r.err != nil {
			t.Errorf("Get = %v, want no error", r.err)
		}
	})
}

// A Set whose context has ended reaches no further tier, and does not return
// before the one it is writing has answered.
func TestSetLeftReachesNoFurtherTier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		top, deep := &memStore{}, &memStore{before: only("set", g.hook)}
		c := newCache(t, (&source{}).load, tier.Config{}, encoded(setStore{top}), encoded(setStore{deep}))
		ctx, cancel := context.WithCancel(t.Context())
		set := make(chan error, 1)
		go func() { set <- c.Set(ctx, "k", tier.Loaded[int]{Value: 1}) }()
		<-g.reached
		cancel()
		if err := c.Delete(t.Context(), "k"); err != nil {
			t.Error(err)
		}
		close(g.open)
		if err := <-set; !errors.Is(err, context.Canceled) {
			t.Errorf("Set = %v", err)
		}
		if data := top.data("k"); data != nil {
			t.Errorf("the upper tier holds %q after Delete", data)
		}
	})
}

// Of two Sets that overlap, the first to return leaves the near tier with what
// was there before both. Get gives that, after Set has returned.
func TestSetThatReturnedIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := newGate(), newGate()
		store := &memStore{}
		c := newCache(t, (&source{value: 0}).load, tier.Config{}, encoded(setStore{store}))
		wantGet(t, c, "k", 0)
		done := make(chan error, 2)
		store.before = only("set", first.hook)
		go func() { done <- c.Set(t.Context(), "k", tier.Loaded[int]{Value: 1}) }()
		<-first.reached
		store.before = only("set", second.hook)
		go func() { done <- c.Set(t.Context(), "k", tier.Loaded[int]{Value: 2}) }()
		<-second.reached
		close(first.open)
		if err := <-done; err != nil {
			t.Error(err)
		}
		seen := get(t.Context(), c, "k")
		synctest.Wait()
		close(second.open)
		if r := <-seen; r.value == 0 || r.err != nil {
			t.Errorf("Get = %d, %v after a Set that returned; want 1 or 2", r.value, r.err)
		}
		<-done
	})
}

// A write that runs into the load timeout is not past its caller's deadline.
// The two timers of Set race in real time only.
//
// SPEC: N15
func TestSetTimeoutIsNotTheCallersDeadline(t *testing.T) {
	c := newCache(t, (&source{}).load, tier.Config{LoadTimeout: 50 * time.Microsecond}, encoded(setStore{&memStore{before: only("set", hang)}}))
	for range 1000 {
		if err := c.Set(t.Context(), "k", tier.Loaded[int]{Value: 1}); !errors.Is(err, onefold.ErrLoadTimeout) || errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Set = %v, want ErrLoadTimeout", err)
		}
	}
}

// A Set that Close cuts off does not go on writing: nothing would ever end it.
//
// SPEC: C27
func TestCloseEndsAWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended, escape := make(chan struct{}), make(chan struct{})
		store := &memStore{before: only("set", func(ctx context.Context, _, _ string) error {
			select {
			case <-ctx.Done():
				close(ended)
				return ctx.Err()
			case <-escape:
				return nil
			}
		})}
		c := newCache(t, (&source{}).load, tier.Config{FarBudget: time.Hour}, encoded(setStore{store}))
		done := make(chan error)
		go func() { done <- c.Set(context.Background(), "k", tier.Loaded[int]{Value: 1}) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close = %v, want DeadlineExceeded", err)
		}
		if err := <-done; !errors.Is(err, onefold.ErrClosed) {
			t.Errorf("Set = %v, want ErrClosed", err)
		}
		synctest.Wait()
		select {
		case <-ended:
		default:
			t.Error("the write goes on after Set and Close have returned")
			close(escape)
		}
	})
}

// A codec that panics is the writer's trouble, not that of a reader who waits.
func TestPanicOfAWriteIsTheWriters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		c := newCacheOver(t, (&source{value: 1}).load, tier.Config{}, newNear[string, int](),
			tier.Encoded[string, int](setStore{&memStore{}}, codec.StringKey[string], panicky{codec.JSON[int](), g}))
		done := make(chan any)
		go func() {
			defer func() { done <- recover() }()
			_ = c.Set(t.Context(), "k", tier.Loaded[int]{Value: 666})
		}()
		<-g.reached
		reader := make(chan any)
		go func() {
			defer func() { reader <- recover() }()
			wantGet(t, c, "k", 1)
		}()
		synctest.Wait()
		close(g.open)
		if p := <-done; p == nil {
			t.Error("Set did not panic")
		}
		if p := <-reader; p != nil {
			t.Errorf("Get panicked with %.80v", p)
		}
	})
}

type panicky struct {
	codec.Codec[int]
	gate *gate
}

func (p panicky) Append(dst []byte, v int) ([]byte, error) {
	if v == 666 {
		p.gate.pass()
		panic("666")
	}
	return p.Codec.Append(dst, v)
}

// Nor is a timeout of the write.
func TestTimeoutOfAWriteIsTheWriters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memStore{before: only("set", hang)}
		c := newCache(t, (&source{value: 1}).load, tier.Config{LoadTimeout: time.Second}, encoded(setStore{store}))
		done := make(chan error)
		go func() { done <- c.Set(t.Context(), "k", tier.Loaded[int]{Value: 2}) }()
		synctest.Wait()
		reader := get(t.Context(), c, "k")
		if err := <-done; err == nil {
			t.Error("Set = nil, want an error")
		}
		wantReply(t, <-reader, 1)
	})
}

// A far tier that does not answer holds no writer for longer than its budget,
// however many keys there are.
//
// SPEC: R04, R10
func TestHangingTierHoldsNoWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memStore{before: hang}
		c := newCache(t, (&source{}).load, tier.Config{FarBudget: time.Second}, encoded(store))
		for name, change := range map[string]func(context.Context) error{
			"Delete":  func(ctx context.Context) error { return c.Delete(ctx, "k") },
			"of many": func(ctx context.Context) error { return c.Delete(ctx, "a", "b", "c", "d") },
			"Expire":  func(ctx context.Context) error { return c.Expire(ctx, "k") },
			"Set":     func(ctx context.Context) error { return c.Set(ctx, "k", tier.Loaded[int]{Value: 1}) },
			"Write": func(ctx context.Context) error {
				return c.Write(ctx, "k", func(context.Context) error { return nil })
			},
		} {
			start := time.Now()
			if err := change(context.Background()); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s = %v, want DeadlineExceeded", name, err)
			}
			if took := time.Since(start); took != time.Second {
				t.Errorf("%s took %v, want 1s", name, took)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		start := time.Now()
		if err := c.Delete(ctx, "k"); err == nil || time.Since(start) != time.Millisecond {
			t.Errorf("Delete = %v after %v, want an error after 1ms", err, time.Since(start))
		}
	})
}
