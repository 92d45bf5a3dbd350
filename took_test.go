package onefold_test

import (
	"context"
	"testing"
	"time"

	"github.com/onefold-go/onefold"
)

// How long the load took is the same for all its callers, and of no meaning to
// one that left.
func TestTookIsTheLoads(t *testing.T) {
	tell(t, onefold.Config{}, func(s *story) {
		load := func(ctx context.Context, key string) (int, error) {
			time.Sleep(1500 * ms)
			return 1, nil
		}
		leader := s.result(s.ctx, load, onefold.Call{})
		s.until(500 * ms)
		joiner := s.result(s.ctx, load, onefold.Call{})
		for who, r := range map[string]onefold.Result[int]{"leader": <-leader, "joiner": <-joiner} {
			if r.Took != 1500*ms || r.Age != 1500*ms {
				s.Errorf("%s got %+v, want a load that took 1.5s and began 1.5s ago", who, r)
			}
		}
		if r := <-s.result(s.ctx, load, onefold.Call{Budget: ms}); r.Took != 0 || r.Age != 0 {
			s.Errorf("who left got %+v, want nothing of the load", r)
		}
	})
}
