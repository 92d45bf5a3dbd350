package onefold_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/onefold-go/onefold"
)

// With CrashOnPanic the process ends, although the caller would recover.
//
// SPEC: N02
func TestCrashOnPanic(t *testing.T) {
	const inside = "ONEFOLD_TEST_CRASH"
	if os.Getenv(inside) != "" {
		g := onefold.Group[string, int]{Config: onefold.Config{OnPanic: onefold.CrashOnPanic}}
		p := panicOf(func() {
			_, _ = g.Do(t.Context(), "k", func(context.Context, string) (int, error) { panic("boom") })
		})
		t.Logf("the caller recovered from %v", p)
		select {} // the load's goroutine ends the process
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCrashOnPanic$", "-test.timeout=10s")
	cmd.Env = append(os.Environ(), inside+"=1")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || !strings.Contains(string(out), "panic: onefold: load panicked: boom") {
		t.Errorf("the process ended with %v, want the load's panic to end it:\n%s", err, out)
	}
}
