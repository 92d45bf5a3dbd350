package detached_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/internal/detached"
	"github.com/onefold-go/onefold/internal/flight"
)

// A joiner of a failed load tries once more, also when that is by joining a
// load that somebody else began meanwhile: it does not wait for a third.
//
// SPEC: F07
func TestJoinerTriesOnceMoreOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{Succeed: func(error) bool { return true }})
		start := time.Now()
		fails := func(context.Context, string) (int, error) {
			time.Sleep(time.Second)
			return 0, errors.New("down")
		}
		newcomer := make(chan detached.Outcome[int], 1)
		leader := tab.Start(t.Context(), "k", func(ctx context.Context, key string) (int, error) {
			_, err := fails(ctx, key)
			tab.Detach("k", nil)
			call := tab.Start(t.Context(), "k", fails) // somebody else, just before the joiner can
			go func() { newcomer <- call.Wait(t.Context()) }()
			return 0, err
		})
		joiner := tab.Start(t.Context(), "k", fails)
		if o := leader.Wait(t.Context()); o.Err == nil {
			t.Errorf("the leader got %+v, want the failure", o)
		}
		o := joiner.Wait(t.Context())
		if took := time.Since(start); o.Err == nil || took != 2*time.Second {
			t.Errorf("the joiner got %+v after %v, want the failure of the second load after 2s", o, took)
		}
		<-newcomer
	})
}

// A caller that comes while a failed load is tried for the second time gets the
// end of that: there is no third.
//
// SPEC: F07
func TestJoinerOfTheSecondTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{Succeed: func(error) bool { return true }})
		loads := 0
		fails := func(context.Context, string) (int, error) {
			loads++
			time.Sleep(time.Second)
			return 0, errors.New("down")
		}
		outcome := func() <-chan detached.Outcome[int] {
			ch := make(chan detached.Outcome[int], 1)
			call := tab.Start(t.Context(), "k", fails)
			go func() { ch <- call.Wait(t.Context()) }()
			return ch
		}
		leader, joiner := outcome(), outcome()
		time.Sleep(1500 * time.Millisecond)
		late := outcome()
		for name, ch := range map[string]<-chan detached.Outcome[int]{"leader": leader, "joiner": joiner, "one who joined the second try": late} {
			if o := <-ch; o.How != flight.Returned || o.Err == nil {
				t.Errorf("the %s got %+v, want the failure", name, o)
			}
		}
		if loads != 2 {
			t.Errorf("%d loads, want 2", loads)
		}
	})
}

// A caller who leaves got nobody's ending, also where its end is the load's.
//
// SPEC: G07
func TestForsakenLeaderIsServedByNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{Context: detached.Whole})
		ctx, cancel := context.WithCancel(t.Context())
		call := tab.Start(ctx, "k", gives(1))
		cancel()
		synctest.Wait()
		if o := call.Wait(ctx); o.How != flight.Left || o.Served != 0 {
			t.Errorf("the leader got %+v, want its own end, served 0", o)
		}
		time.Sleep(time.Second) // the load is deaf
	})
}

// An error that is for the leader alone served one.
//
// SPEC: G07
func TestErrorForTheLeaderAloneServesOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{Succeed: func(error) bool { return true }})
		leader := tab.Start(t.Context(), "k", func(context.Context, string) (int, error) { return 0, errors.New("down") })
		joiner := tab.Start(t.Context(), "k", gives(2))
		if o := leader.Wait(t.Context()); o.Err == nil || o.Served != 1 {
			t.Errorf("the leader got %+v, want its failure, served 1", o)
		}
		if o := joiner.Wait(t.Context()); o.Value != 2 || o.Served != 1 {
			t.Errorf("the joiner got %+v, want 2, served 1", o)
		}
	})
}
