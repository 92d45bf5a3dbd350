package detached_test

import (
	"context"
	"reflect"
	"testing"

	"github.com/onefold-go/onefold/internal/detached"
	"github.com/onefold-go/onefold/internal/flight"
)

// No rule is lost on the way to a table's types.
func TestTypedKeepsAllRules(t *testing.T) {
	typed := detached.Typed[string, int](detached.Rules{
		Context: detached.Whole, Carry: func(load, _ context.Context) context.Context { return load }, Timeout: 1, CancelAbandoned: true,
		JoinWithin: 1, Succeed: func(error) bool { return true },
		MaxCallers: 1, MaxFlights: 1, MaxLoads: 1, QueueWait: 1, Limited: func(string, int) error { return nil },
		Crash: func(*flight.Panic) {}, Loaded: func(detached.Load[struct{}]) {},
		ShowKey: func(struct{}) string { return "" },
	}, t)
	v := reflect.ValueOf(typed)
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if set := !v.Field(i).IsZero(); set == (name == "Look" || name == "Store") {
			t.Errorf("%s is set: %v", name, set)
		}
	}
}
