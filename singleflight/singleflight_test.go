package singleflight_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/onefold-go/onefold/singleflight"
)

// x/sync's own tests are the proof of the drop-in. Those here say what it is
// that a caller of x/sync relies on.

func TestSharedIsForAllOfSeveralCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g singleflight.Group
		if v, err, shared := g.Do("k", func() (any, error) { return 1, nil }); v != 1 || err != nil || shared {
			t.Errorf("a lone call gives %v, %v, %v; want 1, nil, false", v, err, shared)
		}
		open := make(chan struct{})
		led := g.DoChan("k", func() (any, error) { <-open; return 2, nil })
		joined := make(chan singleflight.Result, 1)
		go func() {
			v, err, shared := g.Do("k", func() (any, error) { return 3, nil })
			joined <- singleflight.Result{Val: v, Err: err, Shared: shared}
		}()
		synctest.Wait()
		close(open)
		for name, ch := range map[string]<-chan singleflight.Result{"leader": led, "joiner": joined} {
			if r := <-ch; r.Val != 2 || r.Err != nil || !r.Shared {
				t.Errorf("the %s gets %+v, want 2, shared", name, r)
			}
		}
	})
}

// The leader of Do is the one that others could take for a lone caller.
func TestSharedIsForTheLeaderOfDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g singleflight.Group
		open := make(chan struct{})
		go func() {
			synctest.Wait() // Do runs its function
			g.DoChan("k", func() (any, error) { return 2, nil })
			close(open)
		}()
		if v, err, shared := g.Do("k", func() (any, error) { <-open; return 1, nil }); v != 1 || err != nil || !shared {
			t.Errorf("the leader gets %v, %v, %v; want 1, nil, true", v, err, shared)
		}
	})
}

// A forgotten call keeps its callers, and its end leaves the key to the call
// that came after it.
func TestForgottenCallLeavesTheNextAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g singleflight.Group
		first, second := make(chan struct{}), make(chan struct{})
		a := g.DoChan("k", func() (any, error) { <-first; return "a", nil })
		g.Forget("k")
		b := g.DoChan("k", func() (any, error) { <-second; return "b", nil })
		synctest.Wait()
		close(first)
		if r := <-a; r.Val != "a" || r.Shared {
			t.Errorf("the forgotten call gives %+v, want a, not shared", r)
		}
		c := g.DoChan("k", func() (any, error) { return "c", nil })
		close(second)
		for _, ch := range []<-chan singleflight.Result{b, c} {
			if r := <-ch; r.Val != "b" || !r.Shared {
				t.Errorf("a call after Forget gives %+v, want b, shared", r)
			}
		}
	})
}

func TestPanicIsRaisedInEachCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g singleflight.Group
		trouble := errors.New("out of paper")
		open := make(chan struct{})
		raised := make(chan any, 2)
		for range 2 {
			go func() {
				defer func() { raised <- recover() }()
				g.Do("k", func() (any, error) { <-open; panic(trouble) })
			}()
		}
		synctest.Wait()
		close(open)
		for range 2 {
			err, _ := (<-raised).(error)
			if !errors.Is(err, trouble) {
				t.Fatalf("a caller panics with %v, want an error that wraps %v", err, trouble)
			}
			if text := err.Error(); strings.Contains(text, "\n\ngoroutine ") || !strings.Contains(text, "singleflight_test.go") {
				t.Errorf("the error reads %q, want the function's stack without its goroutine", text)
			}
		}
	})
}

func TestGoexitEndsEachCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g singleflight.Group
		open := make(chan struct{})
		returned := make(chan bool, 2)
		for range 2 {
			go func() {
				ok := false
				defer func() { returned <- ok }()
				g.Do("k", func() (any, error) { <-open; runtime.Goexit(); return 1, nil })
				ok = true
			}()
		}
		synctest.Wait()
		close(open)
		for range 2 {
			if <-returned {
				t.Error("Do returned, and its function did not")
			}
		}
	})
}

// Nobody could recover from a panic on behalf of those who wait for a channel.
func TestPanicUnderAChannelEndsTheProcess(t *testing.T) {
	const flag = "ONEFOLD_TEST_PANIC_UNDER_A_CHANNEL"
	if os.Getenv(flag) != "" {
		var g singleflight.Group
		<-g.DoChan("k", func() (any, error) { panic("out of paper") })
		return
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), flag+"=1")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err == nil || !strings.Contains(out.String(), "panic: out of paper") {
		t.Errorf("the process ended with %v, want its panic:\n%s", err, out.String())
	}
}
