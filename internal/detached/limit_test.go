package detached_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/onefold-go/onefold/internal/detached"
)

// Loads that have not returned are bounded, about: each shard has its share.
// Those that nobody can join any more count as well.
//
// SPEC: G33, S10
func TestMaxFlights(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 1000
		var tab table
		refused := errors.New("refused")
		tab.Init(detached.Policy[string, int]{MaxFlights: most, Limited: func(limit string, value int) error {
			if limit != "MaxFlights" || value != most {
				t.Errorf("met %s of %d, want MaxFlights of %d", limit, value, most)
			}
			return refused
		}})
		gate := make(chan struct{})
		load := func(context.Context, string) (int, error) { <-gate; return 1, nil }
		fill := func() {
			for i := range 2 * most {
				key := fmt.Sprint(i)
				tab.Start(t.Context(), key, load)
				if i%2 == 0 {
					tab.Detach(key, nil)
				}
			}
			if n := tab.Sum().Running; n > most || n < most/2 {
				t.Errorf("%d loads run, want about %d and no more", n, most)
			}
		}
		fill()
		if o := tab.Do(t.Context(), "one more", load); o.Err != refused {
			t.Errorf("one more got %v, want to be refused", o.Err)
		}
		close(gate)
		synctest.Wait()
		if n := tab.Sum().Running; n != 0 {
			t.Errorf("%d loads run, want none", n)
		}
		gate = make(chan struct{})
		fill()
		close(gate)
	})
}
