package onefold_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/onefold-go/onefold"
)

// Whatever a call can come to, neither its error nor what hooks are told has the
// key in it. (A panic's stack is the load's own.)
//
// SPEC: S07
func TestNothingTellsTheKey(t *testing.T) {
	const secret = "ada@example.com"
	waits := func(ctx context.Context, _ string) (int, error) { <-ctx.Done(); return 0, ctx.Err() }
	for want, ending := range map[error]struct {
		cfg  onefold.Config
		call func(s *story) error
	}{
		onefold.ErrLoadTimeout: {onefold.Config{LoadTimeout: time.Second}, func(s *story) error {
			return (<-s.call(s.ctx, secret, waits)).err
		}},
		onefold.ErrOverload: {onefold.Config{MaxCallers: 1}, func(s *story) error {
			s.call(s.cancelledAt(time.Second), secret, waits)
			return (<-s.call(s.ctx, secret, waits)).err
		}},
		onefold.ErrClosed: {onefold.Config{}, func(s *story) error {
			_ = s.group.Close(s.ctx)
			return (<-s.call(s.ctx, secret, waits)).err
		}},
		onefold.ErrGoexit: {onefold.Config{}, func(s *story) error {
			return (<-s.call(s.Context(), secret, func(context.Context, string) (int, error) { runtime.Goexit(); return 0, nil })).err
		}},
		onefold.ErrBudget: {onefold.Config{}, func(s *story) error {
			return s.group.DoResult(s.ctx, secret, waits, onefold.Call{Budget: time.Second}).Err
		}},
		onefold.ErrCycle: {onefold.Config{}, func(s *story) error {
			return (<-s.call(s.ctx, secret, func(ctx context.Context, key string) (int, error) { return s.ask(ctx, &s.group, key, waits) })).err
		}},
		context.Canceled: {onefold.Config{}, func(s *story) error {
			return (<-s.call(s.cancelledAt(time.Second), secret, waits)).err
		}},
	} {
		var (
			mu   sync.Mutex
			told strings.Builder
		)
		note := func(e onefold.Event) {
			mu.Lock()
			defer mu.Unlock()
			fmt.Fprintf(&told, "%+v %v\n", e, e.Err)
		}
		ending.cfg.Hooks = onefold.Hooks{Call: note, Load: note}
		tell(t, ending.cfg, func(s *story) {
			err := ending.call(s)
			if !errors.Is(err, want) {
				s.Errorf("the call came to %v, want %v", err, want)
			}
			s.until(time.Hour)
			mu.Lock()
			defer mu.Unlock()
			if text := fmt.Sprintf("%v %+v %#v\n%s", err, err, err, told.String()); strings.Contains(text, secret) {
				s.Errorf("the key is told: %s", text)
			}
		})
	}
}

// The leader is of one tenant in its context and asks for another's invoice. The
// load knows only the key, and every caller of that key gets that tenant's.
//
// SPEC: S01
func TestScopeIsOfTheKeyNotOfTheLeader(t *testing.T) {
	type tenant struct{}
	type key = onefold.Scoped[string, int]
	for name, cfg := range map[string]onefold.Config{
		"nothing carried": {Carry: onefold.CarryOnly()},
		"bounded":         {LoadContext: onefold.Bounded, LoadTimeout: time.Minute},
	} {
		tell(t, onefold.Config{}, func(s *story) {
			g := onefold.Group[key, string]{Config: cfg}
			load := func(ctx context.Context, k key) (string, error) {
				time.Sleep(time.Second)
				derived, cancel := context.WithCancel(ctx)
				defer cancel()
				if ctx.Value(tenant{}) != nil || derived.Value(tenant{}) != nil {
					s.Errorf("%s: the load sees its leader's tenant", name)
				}
				return k.Scope, nil
			}
			var results []<-chan onefold.Result[string]
			for _, who := range []string{"north", "south"} {
				for _, of := range []string{"north", "south"} {
					results = append(results, g.DoChan(context.WithValue(s.ctx, tenant{}, who), onefold.In(of, 7), load))
				}
			}
			for i, result := range results {
				of := []string{"north", "south"}[i%2]
				if r := <-result; r.Value != of || r.Err != nil || r.Callers != 2 {
					s.Errorf("%s: caller %d, of %s's invoice, got %+v", name, i, of, r)
				}
			}
		})
	}
}

// A group whose Config names no limits has some.
//
// SPEC: S10
func TestGroupIsBoundedByDefault(t *testing.T) {
	var g onefold.Group[string, int]
	gate := make(chan struct{})
	load := func(context.Context, string) (int, error) { <-gate; return 1, nil }
	for range onefold.DefaultMaxCallers {
		g.Enter(t.Context(), "k", load)
	}
	if n := g.Stats().TurnedAway; n != 0 {
		t.Errorf("%d callers were turned away, want none", n)
	}
	g.Enter(t.Context(), "k", load)
	if n := g.Stats().TurnedAway; n != 1 {
		t.Fatalf("%d callers were turned away, want the one too many", n)
	}
	var limit *onefold.LimitError
	if _, err := g.Do(t.Context(), "k", load); !errors.As(err, &limit) || limit.Limit != "MaxCallers" || limit.Value != onefold.DefaultMaxCallers {
		t.Errorf("one caller more got %v, want a LimitError", err)
	}
	close(gate)

	if n := (onefold.Config{}).MaxFlights(); n != onefold.DefaultMaxFlights {
		t.Errorf("%d loads may run, want %d", n, onefold.DefaultMaxFlights)
	}
}
