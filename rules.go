package onefold

import (
	"cmp"

	"github.com/onefold-go/onefold/internal/detached"
	"github.com/onefold-go/onefold/internal/flight"
)

func init() { //nolint:gochecknoinits // before any package over this one can run
	detached.RulesOf = func(config any) detached.Rules {
		c, _ := config.(Config)
		return c.rules()
	}
}

// rules is what c means to the table of a group.
func (c Config) rules() detached.Rules {
	r := detached.Rules{
		Context:         [...]detached.Context{Detached: detached.Values, Bounded: detached.Background, FirstCaller: detached.Whole}[min(c.LoadContext, FirstCaller)],
		Carry:           c.Carry,
		Timeout:         c.LoadTimeout,
		CancelAbandoned: c.OnAbandon != FinishLoad,
		JoinWithin:      c.JoinWithin,
		Succeed:         c.RetryFailed,
		MaxCallers:      cmp.Or(c.MaxCallers, DefaultMaxCallers),
		MaxFlights:      DefaultMaxFlights,
		MaxLoads:        max(0, c.MaxLoads),
		QueueWait:       c.QueueWait,
		Limited: func(limit string, value int) error {
			return &LimitError{Name: c.Name, Limit: limit, Value: value}
		},
	}
	if c.Name != "" {
		r.Name = func() string { return c.Name }
	}
	if c.ShowKeys {
		r.ShowKey = func(struct{}) string { return "" }
	}
	if c.OnPanic == CrashOnPanic {
		r.Crash = func(p *flight.Panic) { panic(&PanicError{Value: p.Value, Stack: p.Stack}) }
	}
	if hook := c.Hooks.Load; hook != nil {
		r.Loaded = func(l detached.Load[struct{}]) {
			e := Event{Name: c.Name, KeyHash: l.Hash, Outcome: Led, Callers: l.Served, Took: l.Took, Err: l.Err}
			if l.Panic != nil {
				e.Err = &PanicError{Value: l.Panic.Value, Stack: l.Panic.Stack}
			}
			if l.Err != nil {
				e.Outcome = Failed
			}
			hook(e)
		}
	}
	return r
}
