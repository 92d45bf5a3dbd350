package tier_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/tier"
)

// What a far tier's operation is given ends as the standard library's would,
// whoever asks it for what, and when.
func TestBudgetIsAContext(t *testing.T) {
	type key struct{}
	steps := map[string]func(ctx context.Context, cancelParent, end func()){
		"lives":              func(context.Context, func(), func()) {},
		"deadline":           func(context.Context, func(), func()) { time.Sleep(2 * time.Second) },
		"parent":             func(_ context.Context, cancelParent, _ func()) { cancelParent() },
		"end":                func(_ context.Context, _, end func()) { end() },
		"end, then deadline": func(_ context.Context, _, end func()) { end(); time.Sleep(2 * time.Second) },
		"deadline, then parent": func(ctx context.Context, cancelParent, _ func()) {
			time.Sleep(2 * time.Second)
			_ = ctx.Err()
			cancelParent()
		},
	}
	for name, step := range steps {
		for _, first := range []string{"nothing", "Err", "Done", "derived"} {
			t.Run(name+"/"+first, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ends := make([]error, 0, 2)
					for _, ours := range []bool{false, true} {
						parent, cancelParent := context.WithCancel(context.WithValue(t.Context(), key{}, 1))
						defer cancelParent()
						ctx, end := context.WithTimeout(parent, time.Second)
						if ours {
							ctx, end = tier.NewBudget(parent, time.Second)
						}
						defer end()
						switch first {
						case "Err":
							_ = ctx.Err()
						case "Done":
							_ = ctx.Done()
						case "derived":
							derived, cancel := context.WithCancel(ctx)
							defer cancel()
							before := runtime.NumGoroutine()
							more, cancel := context.WithCancel(derived)
							defer cancel()
							if n := runtime.NumGoroutine(); n > before {
								t.Errorf("%d goroutines more for a derived context", n-before)
							}
							defer func() {
								synctest.Wait()
								if !errors.Is(more.Err(), ctx.Err()) {
									t.Errorf("the derived context ended with %v, it with %v", more.Err(), ctx.Err())
								}
							}()
						}
						step(ctx, cancelParent, end)
						synctest.Wait()
						ends = append(ends, ctx.Err())
						select {
						case <-ctx.Done():
							if ctx.Err() == nil {
								t.Error("Done is closed and Err is nil")
							}
						default:
							if ctx.Err() != nil {
								t.Errorf("Err is %v and Done is open", ctx.Err())
							}
						}
						if ctx.Value(key{}) != 1 {
							t.Error("a value of the parent is lost")
						}
					}
					if !errors.Is(ends[1], ends[0]) {
						t.Errorf("it ended with %v, want %v", ends[1], ends[0])
					}
				})
			})
		}
	}
}

func TestBudgetHasTheEarlierDeadline(t *testing.T) {
	parent, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	want, _ := parent.Deadline()
	ctx, end := tier.NewBudget(parent, time.Hour)
	defer end()
	if got, ok := ctx.Deadline(); !ok || !got.Equal(want) {
		t.Errorf("Deadline = %v, %v; want the parent's %v", got, ok, want)
	}
}
