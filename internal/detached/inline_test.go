package detached_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/internal/detached"
)

// With JoinWithin a newer load can end the wait for an older one: its leader
// must not be the one who runs that, or a deaf load holds it.
//
// SPEC: F10
func TestLeaderOfAStuckLoadIsOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{JoinWithin: time.Second})
		start := time.Now()
		leader := make(chan time.Duration)
		go func() {
			o := tab.Do(context.Background(), "k", func(context.Context, string) (int, error) { time.Sleep(time.Hour); return 1, nil })
			if o.Value != 2 {
				t.Errorf("the leader of the stuck load got %+v, want 2", o)
			}
			leader <- time.Since(start)
		}()
		time.Sleep(2 * time.Second)
		if o := tab.Do(context.Background(), "k", gives(2)); o.Value != 2 || o.Role != detached.Led {
			t.Errorf("the caller who comes later got %+v, want to lead to 2", o)
		}
		if took := <-leader; took != 3*time.Second {
			t.Errorf("the leader of the stuck load waited %v, want 3s, when the newer load ended", took)
		}
		time.Sleep(2 * time.Hour)
	})
}
