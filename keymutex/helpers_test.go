package keymutex_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/onefold-go/onefold/keymutex"
)

// lock calls Lock on a goroutine of its own, and returns when that waits or is
// done.
func lock[K comparable](ctx context.Context, m *keymutex.Mutex[K], key K) <-chan error {
	ch := make(chan error, 1)
	go func() { ch <- m.Lock(ctx, key) }()
	synctest.Wait()
	return ch
}

// wants checks that a call of lock has ended, with want.
func wants(t testing.TB, who string, call <-chan error, want error) {
	t.Helper()
	synctest.Wait()
	select {
	case got := <-call:
		if got != want {
			t.Errorf("%s got %v, want %v", who, got, want)
		}
	default:
		t.Errorf("%s waits, want %v", who, want)
	}
}

// waits checks that a call of lock has not ended.
func waits(t testing.TB, who string, call <-chan error) {
	t.Helper()
	synctest.Wait()
	select {
	case got := <-call:
		t.Errorf("%s got %v, want it to wait", who, got)
	default:
	}
}

// mustLock locks a key that is free.
func mustLock[K comparable](t testing.TB, m *keymutex.Mutex[K], key K) {
	t.Helper()
	if err := m.Lock(t.Context(), key); err != nil {
		t.Fatalf("Lock = %v", err)
	}
}

// wantsTraces checks what is left in the table.
func wantsTraces[K comparable](t testing.TB, m *keymutex.Mutex[K], keys, waiting int) {
	t.Helper()
	if k, w := m.Traces(); k != keys || w != waiting {
		t.Errorf("%d keys are held and %d callers wait, want %d and %d", k, w, keys, waiting)
	}
}
