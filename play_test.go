package onefold_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold"
)

// A play is a scenario under way, in a bubble, with a real group.
type play struct {
	scenario
	clock
	group onefold.Group[int, string]
	start time.Time

	mu    sync.Mutex
	turns map[int]int // loads so far, by key; guarded by mu
	seen  seen        // loads guarded by mu; each answer its op's own
}

// stage plays sc and reports what was seen. What is left of it fails t.
func stage(t *testing.T, sc scenario, c clock) seen {
	p := &play{scenario: sc, clock: c, turns: make(map[int]int)}
	p.group.Config = sc.cfg
	p.seen.answers = make([]heard, len(sc.ops))
	synctest.Test(t, func(t *testing.T) {
		p.start = time.Now()
		var wg sync.WaitGroup
		for i, o := range sc.ops {
			wg.Go(func() {
				time.Sleep(p.begins(sc, i))
				if o.forget {
					p.group.Forget(o.key)
					return
				}
				p.seen.answers[i].how = exited // unless it goes on
				p.seen.answers[i] = p.call(i)
			})
		}
		wg.Wait()
		time.Sleep(time.Hour) // deaf loads go on
		synctest.Wait()
		if flights, loads := p.group.Traces(); flights != 0 || loads != 0 {
			t.Errorf("%d flights and %d loads are left", flights, loads)
		}
	})
	p.seen.sortLoads()
	return p.seen
}

// The key of the op in the context of its call.
type opKey struct{}

func (p *play) call(i int) heard {
	o := p.ops[i]
	ctx := context.Background()
	if !o.endless {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		defer cancel()
		if o.leaves == cancelled {
			if o.stays == 0 {
				cancel()
			}
			defer time.AfterFunc(p.leaves(p.scenario, i)-p.age(), cancel).Stop()
		}
	}
	if o.leaves == overdue {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, p.start.Add(p.leaves(p.scenario, i)))
		defer cancel()
	}
	ctx = context.WithValue(ctx, opKey{}, i)

	var h heard
	if o.asChan {
		r := <-p.group.DoChan(ctx, o.key, p.load)
		h.how, h.load = endingOf(r.Value, r.Err)
		h.outcome, h.callers = r.Outcome, r.Callers
	} else {
		h.how, h.load = endingOf(p.do(ctx, o.key))
	}
	h.at = p.age()
	return h
}

func (p *play) do(ctx context.Context, key int) (v string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = p.(*onefold.PanicError)
		}
	}()
	return p.group.Do(ctx, key, p.load)
}

func (p *play) age() time.Duration { return time.Since(p.start) }

// load is every load of a play. It does what is planned for it.
func (p *play) load(ctx context.Context, key int) (string, error) {
	leader, known := ctx.Value(opKey{}).(int)
	if !known {
		leader = nobody
	}
	p.mu.Lock()
	name, plan := loadName(key, p.turns[key]), p.planOf(key, p.turns[key])
	p.turns[key]++
	at := len(p.seen.loads)
	p.seen.loads = append(p.seen.loads, ran{name: name, leader: leader, began: p.age()})
	p.mu.Unlock()
	context.AfterFunc(ctx, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		with, _ := endingOf("", ctx.Err())
		p.seen.loads[at].ended, p.seen.loads[at].with = p.age(), with
	})

	ended := ctx.Done()
	if plan.deaf {
		ended = nil
	}
	select {
	case <-time.After(p.lasts(plan)):
	case <-ended:
		return name, ctx.Err()
	}
	switch plan.comes {
	case failure:
		return name, mishap(name)
	case panics:
		panic(mishap(name))
	case exits:
		runtime.Goexit()
	}
	return name, nil
}

// A mishap is a load's error or panic. It tells which load.
type mishap string

func (m mishap) Error() string { return string(m) }

// endingOf gives how a call ended, and the name of the load if it is told.
func endingOf(v string, err error) (how ending, load string) {
	var (
		panicked *onefold.PanicError
		m        mishap
	)
	switch _ = errors.As(err, &m); {
	case err == nil && v != "":
		return value, v
	case err == error(m) && v == string(m):
		return failure, v
	case v != "":
		return "a value that should not be there", v
	case errors.As(err, &panicked):
		return panics, string(m)
	case err == onefold.ErrGoexit:
		return exits, ""
	case err == onefold.ErrLoadTimeout:
		return timesOut, ""
	case err == context.Canceled:
		return cancelled, ""
	case err == context.DeadlineExceeded:
		return overdue, ""
	}
	return "something else", ""
}
