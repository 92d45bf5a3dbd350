package onefold_test

import (
	"context"
	"errors"
	"testing"

	"github.com/onefold-go/onefold"
)

// The load's hook is told of a panic as the callers are.
//
// SPEC: F01
func TestLoadHookIsToldOfThePanic(t *testing.T) {
	told := make(chan onefold.Event, 1)
	g := onefold.Group[string, int]{Config: onefold.Config{Hooks: onefold.Hooks{Load: func(e onefold.Event) { told <- e }}}}
	jam := &paperJam{tray: 2}
	<-g.DoChan(t.Context(), "k", func(context.Context, string) (int, error) { panic(jam) })
	e := <-told
	if e.Outcome != onefold.Failed || !errors.As(e.Err, new(*onefold.PanicError)) || !errors.Is(e.Err, jam) {
		t.Errorf("the hook was told %+v, want a PanicError around the paper jam", e)
	}
}
