package onefold_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/onefold-go/onefold"
)

// SPEC: S07
func TestHooksAreToldOfCallsAndLoads(t *testing.T) {
	var (
		mu           sync.Mutex
		calls, loads []onefold.Event
	)
	note := func(to *[]onefold.Event) func(onefold.Event) {
		return func(e onefold.Event) {
			mu.Lock()
			*to = append(*to, e)
			mu.Unlock()
		}
	}
	cfg := onefold.Config{Name: "users", Hooks: onefold.Hooks{Call: note(&calls), Load: note(&loads)}}
	tell(t, cfg, func(s *story) {
		mu.Lock()
		calls, loads = nil, nil
		mu.Unlock()
		a := s.call(s.ctx, "k", s.load)
		s.until(400 * ms)
		b := s.call(s.ctx, "k", s.load)
		c := s.call(s.cancelledAt(500*ms), "k", s.load)
		<-a
		<-b
		<-c
		s.until(2 * time.Second)

		mu.Lock()
		defer mu.Unlock()
		slices.SortFunc(calls, func(x, y onefold.Event) int { return int(x.Took - y.Took) })
		if len(calls) != 3 || len(loads) != 1 {
			s.Fatalf("%d calls and %d loads were told of, want 3 and 1", len(calls), len(loads))
		}
		left, joined, led := calls[0], calls[1], calls[2]
		load := loads[0]
		if left.Outcome != onefold.Failed || left.Took != 100*ms || left.Err == nil || left.Callers != 0 {
			s.Errorf("of the one who left the hook was told %+v", left)
		}
		if want := (onefold.Event{Name: "users", KeyHash: load.KeyHash, Outcome: onefold.Joined, Callers: 2, Took: 600 * ms}); joined != want {
			s.Errorf("of the joiner the hook was told %+v, want %+v", joined, want)
		}
		if want := (onefold.Event{Name: "users", KeyHash: load.KeyHash, Outcome: onefold.Led, Callers: 2, Took: time.Second}); led != want {
			s.Errorf("of the leader the hook was told %+v, want %+v", led, want)
		}
		if load.KeyHash == 0 {
			s.Errorf("the load's key has no hash")
		}
		load.KeyHash = 0
		if want := (onefold.Event{Name: "users", Outcome: onefold.Led, Callers: 2, Took: time.Second}); load != want {
			s.Errorf("of the load the hook was told %+v, want %+v", load, want)
		}
	})
}

func TestLoaderIsAGroupForOneLoad(t *testing.T) {
	if _, err := onefold.NewLoader[string, int](nil, onefold.Config{MaxLoads: -1, QueueWait: -1}); err == nil {
		t.Error("NewLoader took a nil load and a bad Config")
	} else {
		for _, fault := range []string{"load is nil", "MaxLoads is -1", "QueueWait is -1ns"} {
			if !containsLine(err, fault) {
				t.Errorf("the error does not say %q:\n%v", fault, err)
			}
		}
	}
	tell(t, onefold.Config{}, func(s *story) {
		l, err := onefold.NewLoader(s.load, onefold.Config{})
		if err != nil {
			s.Fatal(err)
		}
		if v, err := l.Load(s.ctx, "k"); v != 1 || err != nil {
			s.Errorf("Load = %d, %v; want 1, nil", v, err)
		}
		if r := l.LoadResult(s.ctx, "k", onefold.Call{}); r.Value != 2 || r.Outcome != onefold.Led || r.Age != time.Second {
			s.Errorf("LoadResult = %+v, want 2, led, after 1s", r)
		}
		if st := l.Stats(); st.Led != 2 || st.Joined != 0 || st.Running != 0 || st.CoalescingRatio() != 0 {
			s.Errorf("Stats = %+v, want 2 led", st)
		}
		l.Forget("k")
		if err := l.Close(s.ctx); err != nil {
			s.Error(err)
		}
		if _, err := l.Load(s.ctx, "k"); !errors.Is(err, onefold.ErrClosed) {
			s.Errorf("after Close Load gave %v, want ErrClosed", err)
		}
	})
}

func containsLine(err error, part string) bool { return strings.Contains(err.Error(), part) }

// A hook that is told of calls alone hears of those that nothing else sets
// apart.
func TestCallHookHearsOfPlainCalls(t *testing.T) {
	var calls []onefold.Event
	g := onefold.Group[string, int]{Config: onefold.Config{Hooks: onefold.Hooks{Call: func(e onefold.Event) { calls = append(calls, e) }}}}
	load := func(context.Context, string) (int, error) { return 1, nil }
	if v, err := g.Do(context.Background(), "k", load); v != 1 || err != nil {
		t.Fatalf("Do = %d, %v", v, err)
	}
	if len(calls) != 1 || calls[0].Outcome != onefold.Led {
		t.Errorf("the hook was told %+v, want one call that led", calls)
	}
}
