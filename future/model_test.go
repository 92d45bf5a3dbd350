package future_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/future"
	"pgregory.net/rapid"
)

// model is the plain idea of a Future with a wait of one second after a
// failure. Callers and loads are numbered in the order in which they came.
type model struct {
	kept    int // 0: nothing
	failure error
	retryAt time.Duration
	current int // the load under way, -1: none
	loads   []modelLoad
	answers map[int]answer // of callers who are done
}

type modelLoad struct {
	waiting  []int // callers
	over     bool
	canceled bool
}

func newModel() *model { return &model{current: -1, answers: make(map[int]answer)} }

func (m *model) get(caller int, now time.Duration) {
	switch {
	case m.kept != 0:
		m.answers[caller] = answer{value: m.kept, at: now}
	case m.current < 0 && m.failure != nil && now < m.retryAt:
		m.answers[caller] = answer{err: m.failure, at: now}
	default:
		if m.current < 0 {
			m.current = len(m.loads)
			m.loads = append(m.loads, modelLoad{})
		}
		l := &m.loads[m.current]
		l.waiting = append(l.waiting, caller)
	}
}

func (m *model) leave(caller int, now time.Duration) {
	for i := range m.loads {
		l := &m.loads[i]
		if at := slices.Index(l.waiting, caller); at >= 0 && !l.over {
			l.waiting = slices.Delete(l.waiting, at, at+1)
			m.answers[caller] = answer{err: context.Canceled, at: now}
			l.canceled = l.canceled || m.current != i && len(l.waiting) == 0
		}
	}
}

func (m *model) reset() {
	if m.current >= 0 {
		l := &m.loads[m.current]
		l.canceled = len(l.waiting) == 0
	}
	m.kept, m.failure, m.current = 0, nil, -1
}

func (m *model) end(load int, v int, err error, now time.Duration) {
	l := &m.loads[load]
	l.over = true
	for _, caller := range l.waiting {
		m.answers[caller] = answer{value: v, err: err, at: now}
	}
	if m.current == load {
		m.current, m.kept, m.failure, m.retryAt = -1, v, err, now+time.Second
	}
}

// Random histories, one step at a time, against the model.
func TestRandomHistories(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		synctest.Test(t, func(t *testing.T) {
			s := &story{T: t, start: time.Now()}
			s.f = future.New(s.load, future.Config{RetryMin: time.Second})
			m := newModel()
			var (
				calls  []<-chan answer
				leaves []func()
				done   = make(map[int]bool) // loads that have ended
			)
			defer func() { // so that a failed history ends its bubble
				for i, l := range s.loads {
					if !done[i] {
						l.returns(0, nil)
					}
				}
			}()
			running := func() []int {
				var is []int
				for i := range s.loads {
					if !done[i] {
						is = append(is, i)
					}
				}
				return is
			}
			end := func(rt *rapid.T, v int, err error) {
				is := running()
				if len(is) == 0 {
					rt.Skip("no load")
				}
				i := rapid.SampledFrom(is).Draw(rt, "load")
				done[i] = true
				m.end(i, v, err, s.age())
				s.loads[i].returns(v, err)
			}
			rt.Repeat(map[string]func(*rapid.T){
				"get": func(*rapid.T) {
					ctx, leave := s.leaver()
					m.get(len(calls), s.age())
					calls = append(calls, s.call(ctx))
					leaves = append(leaves, leave)
				},
				"leave": func(rt *rapid.T) {
					if len(calls) == 0 {
						rt.Skip("nobody")
					}
					i := rapid.IntRange(0, len(calls)-1).Draw(rt, "caller")
					m.leave(i, s.age())
					leaves[i]()
				},
				"value":   func(rt *rapid.T) { end(rt, len(s.loads)+1, nil) },
				"failure": func(rt *rapid.T) { end(rt, 0, errPaper) },
				"reset":   func(*rapid.T) { m.reset(); s.f.Reset(); synctest.Wait() },
				"wait":    func(rt *rapid.T) { s.until(s.age() + 400*ms) },
				"": func(rt *rapid.T) {
					if v, ok := s.f.Peek(); v != m.kept || ok != (m.kept != 0) {
						rt.Fatalf("Peek = %d, %t; want %d", v, ok, m.kept)
					}
					if len(s.loads) != len(m.loads) {
						rt.Fatalf("%d loads, want %d", len(s.loads), len(m.loads))
					}
					for _, i := range running() {
						if got, want := s.loads[i].ctx.Err() != nil, m.loads[i].canceled; got != want {
							rt.Fatalf("load %d is cancelled: %t, want %t", i, got, want)
						}
					}
					for i, call := range calls {
						want, ok := m.answers[i]
						if call == nil || !ok && len(call) == 0 {
							continue
						}
						if len(call) == 0 {
							rt.Fatalf("caller %d waits; want %v", i, want)
						}
						got := <-call
						calls[i] = nil // checked
						if !ok || got.value != want.value || got.at != want.at || !errors.Is(got.err, want.err) {
							rt.Fatalf("caller %d got %v; want %v (%t)", i, got, want, ok)
						}
					}
				},
			})
		})
	})
}
