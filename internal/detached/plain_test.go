package detached_test

import (
	"context"
	"reflect"
	"slices"
	"testing"

	"github.com/onefold-go/onefold/internal/detached"
)

// Quick heeds these fields of a Policy, or they say nothing of a load. With any
// other that is set it leaves the call to Do.
var plainFields = []string{"Name", "ShowKey", "CancelAbandoned", "MaxCallers", "MaxFlights", "QueueWait", "Limited"}

func TestQuickKnowsEachPolicy(t *testing.T) {
	for _, field := range reflect.VisibleFields(reflect.TypeFor[detached.Policy[string, int]]()) {
		var p detached.Policy[string, int]
		v := reflect.ValueOf(&p).Elem().FieldByIndex(field.Index)
		switch v.Kind() {
		case reflect.Func:
			v.Set(reflect.MakeFunc(field.Type, func([]reflect.Value) []reflect.Value { panic(field.Name + " was called") }))
		case reflect.Bool:
			v.SetBool(true)
		case reflect.Uint8:
			v.SetUint(uint64(detached.Whole))
		default:
			v.SetInt(1 << 40)
		}
		var tab table
		tab.Init(p)
		loads := 0
		_, _, ok := tab.Quick(context.Background(), "k", func(context.Context, string) (int, error) { loads++; return 1, nil })
		if want := slices.Contains(plainFields, field.Name); ok != want || (loads == 1) != want {
			t.Errorf("with Policy.%s Quick says %v after %d loads, want %v", field.Name, ok, loads, want)
		}
	}
}

// Where Quick does nothing it leaves nothing behind.
func TestQuickDeclines(t *testing.T) {
	ended, end := context.WithCancel(context.Background())
	end()
	for name, call := range map[string]func(tab *table) bool{
		"an ended context": func(tab *table) bool {
			_, _, ok := tab.Quick(ended, "k", gives(1))
			return ok
		},
		"a call from a load": func(tab *table) bool {
			var ok bool
			tab.Do(context.Background(), "outer", func(ctx context.Context, _ string) (int, error) {
				_, _, ok = tab.Quick(ctx, "k", gives(1))
				return 0, nil
			})
			return ok
		},
		"too many flights": func(tab *table) bool {
			var ok bool
			tab.Do(context.Background(), "k", func(context.Context, string) (int, error) {
				// The shard of k has room for this one.
				_, _, ok = tab.Quick(context.Background(), "k", gives(1))
				return 0, nil
			})
			return ok
		},
		"a closed table": func(tab *table) bool {
			if err := tab.Close(context.Background()); err != nil {
				t.Error(err)
			}
			_, _, ok := tab.Quick(context.Background(), "k", gives(1))
			return ok
		},
	} {
		var tab table
		tab.Init(detached.Policy[string, int]{MaxFlights: 1, MaxCallers: 1})
		if call(&tab) {
			t.Errorf("%s: Quick answered", name)
		}
		if sum := tab.Sum(); sum.Running != 0 || sum.Flights != 0 {
			t.Errorf("%s: left %+v, want nothing under way", name, sum)
		}
	}
}
