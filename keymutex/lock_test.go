package keymutex_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/keymutex"
)

func TestLockKeepsOthersFromTheKeyAndNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m keymutex.Mutex[string]
		mustLock(t, &m, "a")
		second := lock(t.Context(), &m, "a")
		waits(t, "second caller", second)
		mustLock(t, &m, "b")
		if m.TryLock("a") {
			t.Error("TryLock locked a key that is held")
		}
		if !m.TryLock("c") {
			t.Error("TryLock did not lock a free key")
		}
		wantsTraces(t, &m, 3, 1)

		m.Unlock("a")
		wants(t, "second caller", second, nil)
		if m.TryLock("a") {
			t.Error("TryLock locked a key that was handed over")
		}
		m.Unlock("a")
		m.Unlock("b")
		m.Unlock("c")
		wantsTraces(t, &m, 0, 0)
		if !m.TryLock("a") {
			t.Error("TryLock did not lock a key that is free again")
		}
	})
}

func TestTurnsComeInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m keymutex.Mutex[string]
		mustLock(t, &m, "k")
		var calls []<-chan error
		for range 20 {
			calls = append(calls, lock(t.Context(), &m, "k"))
		}
		for i, call := range calls {
			late := lock(t.Context(), &m, "k") // whoever comes now stands behind all
			calls = append(calls, late)
			m.Unlock("k")
			wants(t, "the caller whose turn it is", call, nil)
			for _, later := range calls[i+1:] {
				waits(t, "a later caller", later)
			}
		}
		for _, call := range calls[20:] {
			m.Unlock("k")
			wants(t, "the caller whose turn it is", call, nil)
		}
		m.Unlock("k")
		wantsTraces(t, &m, 0, 0)
	})
}

func TestWaitersLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m keymutex.Mutex[string]
		for leaver := range 5 {
			mustLock(t, &m, "k")
			ctx, cancel := context.WithCancel(t.Context())
			var calls []<-chan error
			for i := range 5 {
				if i == leaver {
					calls = append(calls, lock(ctx, &m, "k"))
				} else {
					calls = append(calls, lock(t.Context(), &m, "k"))
				}
			}
			cancel()
			wants(t, "caller that cancels", calls[leaver], context.Canceled)
			wantsTraces(t, &m, 1, 4)
			for i, call := range calls {
				if i != leaver {
					waits(t, "caller that stays", call)
					m.Unlock("k")
					wants(t, "caller that stays", call, nil)
				}
			}
			m.Unlock("k")
			wantsTraces(t, &m, 0, 0)
		}
	})
}

func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m keymutex.Mutex[string]
		mustLock(t, &m, "k")
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := m.Lock(ctx, "k"); err != context.DeadlineExceeded || time.Since(start) != time.Second {
			t.Errorf("Lock = %v after %v; want DeadlineExceeded after 1s", err, time.Since(start))
		}
		m.Unlock("k")
		wantsTraces(t, &m, 0, 0)
	})
}

func TestDeadContextLocksNothing(t *testing.T) {
	var m keymutex.Mutex[string]
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.Lock(ctx, "k"); err != context.Canceled {
		t.Errorf("Lock = %v, want Canceled", err)
	}
	wantsTraces(t, &m, 0, 0)
}

// The turn comes as the waiter's context ends. Whichever it takes, the lock
// must not be lost: with an error the next has it, without one the waiter has.
func TestLeavingAsTheTurnComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			m       keymutex.Mutex[string]
			took    int
			refused int
		)
		for range 500 {
			for _, cancelFirst := range []bool{true, false} {
				mustLock(t, &m, "k")
				ctx, cancel := context.WithCancel(t.Context())
				waiter := lock(ctx, &m, "k")
				next := lock(t.Context(), &m, "k")
				if cancelFirst {
					cancel()
					m.Unlock("k")
				} else {
					m.Unlock("k")
					cancel()
				}
				synctest.Wait()
				switch err := <-waiter; err {
				case nil:
					took++
					waits(t, "the next caller", next)
					m.Unlock("k")
				case context.Canceled:
					refused++
				default:
					t.Fatalf("Lock = %v", err)
				}
				wants(t, "the next caller", next, nil)
				m.Unlock("k")
				wantsTraces(t, &m, 0, 0)
			}
		}
		t.Logf("%d took the lock, %d left", took, refused)
		if took == 0 {
			t.Error("no waiter was handed the lock as its context ended: this tests nothing")
		}
	})
}

func TestMaxWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := keymutex.Mutex[string]{Config: keymutex.Config{MaxWaiters: 2}}
		mustLock(t, &m, "k")
		first := lock(t.Context(), &m, "k")
		ctx, cancel := context.WithCancel(t.Context())
		second := lock(ctx, &m, "k")

		var limit *keymutex.LimitError
		if err := m.Lock(t.Context(), "k"); !errors.As(err, &limit) || limit.Limit != 2 {
			t.Fatalf("Lock = %v, want a LimitError of 2", err)
		}
		if got, want := limit.Error(), "keymutex: 2 callers wait for this key already, which is Config.MaxWaiters"; got != want {
			t.Errorf("Error() = %q, want %q", got, want)
		}
		mustLock(t, &m, "other") // the limit is a key's own

		cancel() // makes room
		wants(t, "caller that cancels", second, context.Canceled)
		third := lock(t.Context(), &m, "k")
		waits(t, "third caller", third)

		m.Unlock("k") // as does a turn
		wants(t, "first caller", first, nil)
		fourth := lock(t.Context(), &m, "k")
		for _, call := range []<-chan error{third, fourth} {
			m.Unlock("k")
			wants(t, "caller with room", call, nil)
		}
	})
}

// SPEC: S10
func TestWaitersAreBoundedByDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m keymutex.Mutex[string]
		mustLock(t, &m, "k")
		ctx, cancel := context.WithCancel(t.Context())
		for range keymutex.DefaultMaxWaiters {
			go func() { _ = m.Lock(ctx, "k") }()
		}
		synctest.Wait()
		wantsTraces(t, &m, 1, keymutex.DefaultMaxWaiters)
		if err := m.Lock(ctx, "k"); !errors.As(err, new(*keymutex.LimitError)) {
			t.Errorf("Lock = %v, want a LimitError", err)
		}
		cancel()
	})
}

// SPEC: N06
func TestNaNIsRefused(t *testing.T) {
	var m keymutex.Mutex[float64]
	if err := m.Lock(t.Context(), math.NaN()); err != keymutex.ErrKey {
		t.Errorf("Lock = %v, want ErrKey", err)
	}
	if m.TryLock(math.NaN()) {
		t.Error("TryLock locked a NaN")
	}
	wantsTraces(t, &m, 0, 0)
}

func TestKeysWithOneHashAreApart(t *testing.T) {
	if keymutex.FoundAs("a", "b") {
		t.Error("another key with the hash of one that is held seems to be held")
	}
	if !keymutex.FoundAs("a", "a") {
		t.Error("a key that is held is not found")
	}
}

func TestMisusePanics(t *testing.T) {
	var m keymutex.Mutex[any]
	held := func() {
		mustLock(t, &m, "k")
		m.Unlock("k")
	}
	bad := keymutex.Mutex[int]{Config: keymutex.Config{MaxWaiters: -3}}
	for name, tt := range map[string]struct {
		misuse func()
		want   string
	}{
		"Unlock of nothing": {func() { new(keymutex.Mutex[int]).Unlock(1) }, "keymutex: Unlock of a key that is not locked"},
		"Unlock twice":      {func() { held(); m.Unlock("k") }, "keymutex: Unlock of a key that is not locked"},
		"nil context":       {func() { _ = m.Lock(nil, "k") }, "keymutex: nil context"}, //nolint:staticcheck // the point
		"no equality":       {func() { _ = m.Lock(t.Context(), []int{}) }, "hash"},
		"bad config":        {func() { bad.TryLock(1) }, "keymutex: Config.MaxWaiters is -3, want 0 (10000) or more"},
		"and again":         {func() { bad.TryLock(1) }, "keymutex: Config.MaxWaiters is -3, want 0 (10000) or more"},
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
				if !strings.Contains(got, tt.want) {
					t.Errorf("panic with %q, want %q in it", got, tt.want)
				}
			}()
			tt.misuse()
		})
	}
	mustLock(t, &m, "k") // a panic leaves no lock behind
	m.Unlock("k")
	wantsTraces(t, &m, 0, 0)
}

func TestFreeKeyIsLockedWithoutAllocating(t *testing.T) {
	var m keymutex.Mutex[string]
	ctx := t.Context()
	n := testing.AllocsPerRun(100, func() {
		_ = m.Lock(ctx, "a")
		_ = m.TryLock("b")
		m.Unlock("a")
		m.Unlock("b")
	})
	if n != 0 {
		t.Errorf("Lock, TryLock and Unlock of free keys allocate %v times, want 0", n)
	}
}
