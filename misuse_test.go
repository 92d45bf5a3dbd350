package onefold_test

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/onefold-go/onefold"
)

// panicOf gives what f panics with.
func panicOf(f func()) (p any) {
	defer func() { p = recover() }()
	f()
	return nil
}

// SPEC: N04
func TestNilContextAndNilLoad(t *testing.T) {
	var (
		g    onefold.Group[string, int]
		none context.Context
	)
	load := func(context.Context, string) (int, error) { return 1, nil }
	for name, call := range map[string]func(){
		"nil context":           func() { _, _ = g.Do(none, "k", load) },
		"nil load":              func() { _, _ = g.Do(t.Context(), "k", nil) },
		"nil context in DoChan": func() { g.DoChan(none, "k", load) },
		"nil load in DoChan":    func() { g.DoChan(t.Context(), "k", nil) },
	} {
		want, _, _ := strings.Cut(name, " in ")
		if p := panicOf(call); p != "onefold: "+want {
			t.Errorf("%s: panic %v, want onefold: %s", name, p, want)
		}
		if flights, loads := g.Traces(); flights != 0 || loads != 0 {
			t.Errorf("%s left %d flights and %d loads", name, flights, loads)
		}
	}
	if v, err := g.Do(t.Context(), "k", load); v != 1 || err != nil {
		t.Errorf("afterwards Do = %d, %v; want 1, nil", v, err)
	}
}

// SPEC: N06
func TestKeyThatIsNotEqualToItself(t *testing.T) {
	type point struct{ x, y float64 }
	nan := math.NaN()
	for name, key := range map[string]any{
		"float64": nan, "float32": float32(nan), "complex": complex(0, nan), "struct": point{1, nan}, "array": [1]any{nan},
	} {
		var g onefold.Group[any, int]
		load := func(context.Context, any) (int, error) {
			t.Errorf("%s: its load ran", name)
			return 1, nil
		}
		if v, err := g.Do(t.Context(), key, load); v != 0 || err != onefold.ErrKey {
			t.Errorf("%s: Do = %d, %v; want 0, ErrKey", name, v, err)
		}
		if r := <-g.DoChan(t.Context(), key, load); r != (onefold.Result[int]{Err: onefold.ErrKey}) {
			t.Errorf("%s: DoChan gave %+v, want ErrKey", name, r)
		}
		g.Forget(key)
		if flights, loads := g.Traces(); flights != 0 || loads != 0 {
			t.Errorf("%s: %d flights and %d loads are left", name, flights, loads)
		}
	}
}

// Zero is equal to minus zero, and so they are one key.
func TestKeyZero(t *testing.T) {
	tell(t, onefold.Config{}, func(s *story) {
		var g onefold.Group[float64, int]
		load := func(ctx context.Context, _ float64) (int, error) { return s.load(ctx, "") }
		plus, minus := g.DoChan(s.ctx, 0, load), g.DoChan(s.ctx, math.Copysign(0, -1), load)
		if a, b := <-plus, <-minus; a.Value != 1 || b.Value != 1 || a.Callers != 2 {
			s.Errorf("0 got %+v and -0 %+v, want one load", a, b)
		}
	})
}

// A key without equality panics as it would in a map, and harms nobody else.
func TestKeyWithoutEquality(t *testing.T) {
	var g onefold.Group[any, int]
	load := func(context.Context, any) (int, error) { return 1, nil }
	for name, call := range map[string]func(){
		"Do":     func() { _, _ = g.Do(t.Context(), []int{1}, load) },
		"DoChan": func() { g.DoChan(t.Context(), []int{1}, load) },
		"Forget": func() { g.Forget([]int{1}) },
	} {
		if panicOf(call) == nil {
			t.Errorf("%s: no panic", name)
		}
	}
	for i := range 100 { // no lock is still held
		if v, err := g.Do(t.Context(), i, load); v != 1 || err != nil {
			t.Errorf("Do = %d, %v; want 1, nil", v, err)
		}
	}
}

func TestConfigValidate(t *testing.T) {
	for _, good := range []onefold.Config{{}, {Name: "x", LoadTimeout: 1, OnAbandon: onefold.FinishLoad}} {
		if err := good.Validate(); err != nil {
			t.Errorf("%+v: %v, want no fault", good, err)
		}
	}
	carry := onefold.CarryOnly()
	for want, bad := range map[string]onefold.Config{
		"Config.LoadContext is 77":   {LoadContext: 77},
		"and LoadTimeout is 0":       {LoadContext: onefold.Bounded},
		"Config.Carry is set":        {LoadContext: onefold.FirstCaller, Carry: carry},
		"Config.LoadTimeout is -5ns": {LoadTimeout: -5},
		"Config.JoinWithin is -6ns":  {JoinWithin: -6},
		"Config.QueueWait is -7ns":   {QueueWait: -7, MaxLoads: 1},
		"Config.OnAbandon is 77":     {OnAbandon: 77},
		"Config.OnPanic is 77":       {OnPanic: 77},
		"Config.MaxCallers is -8":    {MaxCallers: -8},
		"Config.MaxLoads is -9":      {MaxLoads: -9},
		"and MaxLoads is 0":          {QueueWait: time.Second},
	} {
		if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("Validate of %+v = %v, want %q in it and no other fault", bad, err, want)
		}
	}
	err := onefold.Config{LoadTimeout: -5, OnAbandon: 77}.Validate()
	for _, want := range []string{"Config.LoadTimeout is -5ns", "Config.OnAbandon is 77"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Validate = %v, want %q in it", err, want)
		}
	}
}

// A server recovers from a panic and goes on: its second request is told what
// is wrong as well.
func TestBadConfigPanicsAtEveryUse(t *testing.T) {
	g := onefold.Group[string, int]{Config: onefold.Config{LoadTimeout: -1}}
	want := g.Config.Validate().Error()
	load := func(context.Context, string) (int, error) { return 1, nil }
	for name, call := range map[string]func(){
		"Do":     func() { _, _ = g.Do(t.Context(), "k", load) },
		"DoChan": func() { g.DoChan(t.Context(), "k", load) },
		"Forget": func() { g.Forget("k") },
	} {
		if err, ok := panicOf(call).(error); !ok || err.Error() != want {
			t.Errorf("%s panicked with %v, want %v", name, err, want)
		}
	}
}
