package keymutex_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/onefold-go/onefold/keymutex"
	"pgregory.net/rapid"
)

// Random histories, one step at a time, against the plain idea: for each key,
// the line of those who want it, whoever has it at the front.
func TestRandomHistories(t *testing.T) {
	const maxWaiters = 3
	type caller struct {
		key    int
		call   <-chan error
		cancel func()
		want   error
		done   bool
	}
	rapid.Check(t, func(rt *rapid.T) {
		synctest.Test(t, func(t *testing.T) {
			var (
				m       = keymutex.Mutex[int]{Config: keymutex.Config{MaxWaiters: maxWaiters}}
				lines   = make(map[int][]*caller)
				callers []*caller
			)
			anyLimit := &keymutex.LimitError{}
			defer func() { // so that a failed history ends its bubble
				for _, c := range callers {
					c.cancel()
				}
			}()
			rt.Repeat(map[string]func(*rapid.T){
				"lock": func(rt *rapid.T) {
					c := &caller{key: rapid.IntRange(0, 5).Draw(rt, "key")}
					switch line := lines[c.key]; {
					case len(line) > maxWaiters:
						c.want, c.done = anyLimit, true
					default:
						c.done = len(line) == 0
						lines[c.key] = append(line, c)
					}
					var ctx context.Context
					ctx, c.cancel = context.WithCancel(t.Context())
					c.call = lock(ctx, &m, c.key)
					callers = append(callers, c)
				},
				"try": func(rt *rapid.T) {
					key := rapid.IntRange(0, 5).Draw(rt, "key")
					got := m.TryLock(key)
					if want := len(lines[key]) == 0; got != want {
						rt.Fatalf("TryLock(%d) = %t, want %t", key, got, want)
					}
					if got {
						lines[key] = []*caller{{key: key, done: true}}
					}
				},
				"unlock": func(rt *rapid.T) {
					key := rapid.IntRange(0, 5).Draw(rt, "key")
					line := lines[key]
					defer func() {
						if p := recover(); (p != nil) != (len(line) == 0) {
							rt.Fatalf("Unlock(%d) panicked with %v; %d in line", key, p, len(line))
						}
					}()
					if len(line) > 0 {
						lines[key] = line[1:]
					}
					if len(line) > 1 {
						line[1].done = true
					}
					m.Unlock(key)
				},
				"cancel": func(rt *rapid.T) {
					if len(callers) == 0 {
						rt.Skip("nobody")
					}
					c := rapid.SampledFrom(callers).Draw(rt, "caller")
					if !c.done {
						c.want, c.done = context.Canceled, true
						at := slices.Index(lines[c.key], c)
						lines[c.key] = slices.Delete(slices.Clone(lines[c.key]), at, at+1)
					}
					c.cancel()
				},
				"": func(rt *rapid.T) {
					synctest.Wait()
					for i, c := range callers {
						switch {
						case c.call == nil:
						case len(c.call) == 0 && c.done:
							rt.Fatalf("caller %d waits, want %v", i, c.want)
						case len(c.call) == 0:
						default:
							got := <-c.call
							if !c.done || got != c.want && !(c.want == anyLimit && errors.As(got, new(*keymutex.LimitError))) {
								rt.Fatalf("caller %d got %v, want %v (%t)", i, got, c.want, c.done)
							}
							c.call = nil // checked
						}
					}
					held, waiting := 0, 0
					for _, line := range lines {
						if len(line) > 0 {
							held++
							waiting += len(line) - 1
						}
					}
					if k, w := m.Traces(); k != held || w != waiting {
						rt.Fatalf("%d keys are held and %d callers wait, want %d and %d", k, w, held, waiting)
					}
				},
			})
		})
	})
}
