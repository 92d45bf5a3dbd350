package detached_test

import (
	"context"
	"os"
	"os/exec"
	"testing"

	"github.com/onefold-go/onefold/internal/detached"
)

// A wrapError returned as a typed nil, the commonest mistake with errors, panics
// when somebody asks what it wraps.
type wrapError struct{ inner error }

func (e *wrapError) Error() string { return "wrapped" }
func (e *wrapError) Unwrap() error { return e.inner }

// Whatever a load's error does when it is looked at must not end the process.
// It would end this one, so the load runs in another.
//
// SPEC: G16, N02
func TestErrorThatPanicsWhenItIsLookedAt(t *testing.T) {
	if os.Getenv("LOAD_HERE") != "" {
		var tab detached.Table[string, int]
		tab.Init(detached.Policy[string, int]{})
		tab.Do(t.Context(), "k", func(context.Context, string) (int, error) {
			var none *wrapError
			return 1, none
		})
		return
	}
	again := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$") //nolint:gosec // ourselves
	again.Env = append(os.Environ(), "LOAD_HERE=1")
	if out, err := again.CombinedOutput(); err != nil {
		t.Errorf("a load's error ended the process: %v\n%s", err, out)
	}
}
