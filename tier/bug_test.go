package tier_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/codec"
	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/tier"
)

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
		c := newCache(t, (&source{}).load, tier.Config{}, encoded(setStore{store}))
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
		c := newCacheOver(t, (&source{value: 1}).load, tier.Config{}, mem.New[string, int](mem.Config{}),
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
