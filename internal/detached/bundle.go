package detached

import (
	"context"
	"sync"

	"github.com/onefold-go/onefold/internal/flight"
	"github.com/onefold-go/onefold/internal/loadctx"
)

// A bundle is one load of many keys. It is filled by one goroutine at a time,
// then run by one, once.
type bundle[K comparable, V any] struct {
	table *Table[K, V]
	many  *Many[K, V]
	room  int // how many members may yet come, as far as is known

	// Fixed when it is run. They are made with the first member, which has
	// taken the load's turn under MaxLoads, if nobody waits for turns.
	members []member[K, V]
	parts   []loadctx.Ctx   // room for contexts of members
	ctx     *loadctx.Ctx    // what the load sees; the members' are its parts. Not a field: who keeps it is not to keep the rest
	caller  context.Context // the first member's leader

	wanted []int // the members that were loaded, by their indexes in the keys; fixed when the load begins

	// Guards over and the members' answers. Held while one is answered, so that
	// when the load has returned each has been or never will be.
	mu     sync.Mutex
	over   bool      // the load has returned
	loaded []Load[V] // for Policy.Loaded, of each member that is answered; nil: nobody wants to know
}

// A member is one key of a bundle.
type member[K comparable, V any] struct {
	f        *flightOf[K, V] // fixed
	answered bool            // by the load; it may have ended before, without it
	known    bool            // it has come to end: the load has returned with it, or is not asked for it
	end      flight.Ending[V]
}

func newBundle[K comparable, V any](t *Table[K, V], many *Many[K, V]) *bundle[K, V] {
	return &bundle[K, V]{table: t, many: many}
}

// hasTurn reports whether the load needs no other turn under MaxLoads. A nil
// bundle is a load that has just begun.
func (b *bundle[K, V]) hasTurn() bool { return b != nil && len(b.members) > 0 }

// add takes in f, which nobody has seen yet. caller is its leader's context.
func (b *bundle[K, V]) add(f *flightOf[K, V], caller context.Context) {
	if b.ctx == nil {
		p := &b.table.policy
		b.ctx, b.caller = new(loadctx.Ctx), caller
		b.ctx.Init(p.seen(caller), p.Context == Whole)
		b.ctx.Collect()
		b.members = make([]member[K, V], 0, b.room)
	}
	if len(b.parts) == 0 {
		b.parts = make([]loadctx.Ctx, max(1, b.room))
	}
	f.X.ctx, b.parts = &b.parts[0], b.parts[1:]
	f.X.ctx.InitPart(b.ctx)
	b.members = append(b.members, member[K, V]{f: f})
}

// run runs the load and settles all members, also when the load panics or
// exits. After an exit the goroutine ends too.
func (b *bundle[K, V]) run() {
	t := b.table
	e := flight.Ending[V]{How: flight.Exited, Err: ErrGoexit}
	defer func() { b.finish(e) }()
	if t.policy.Context == Whole && b.caller.Done() != nil {
		stop := context.AfterFunc(b.caller, b.forsake)
		defer stop()
	}
	if t.turns != nil {
		if how, err := t.awaitTurn(b.ctx); err != nil {
			e = flight.Ending[V]{How: how, Err: err}
			return
		}
		defer t.turns.done()
	}
	keys := make([]K, 0, len(b.members))
	b.wanted = make([]int, 0, len(b.members))
	for i := range b.members {
		m := &b.members[i]
		if m.f.X.ctx.Ended() { // it was abandoned while it waited to be loaded
			m.known, m.end = true, flight.Ending[V]{How: flight.Forsaken, Err: context.Canceled} // for nobody, and not good for older loads
			continue
		}
		keys, b.wanted = append(keys, m.f.Key), append(b.wanted, i)
	}
	if len(keys) == 0 {
		return
	}
	if d := t.policy.Timeout; d > 0 {
		b.ctx.Limit(d, b.expire)
	}
	e = flight.Call(func() flight.Ending[V] {
		ctx := context.Context(b.ctx)
		if t.policy.Carry != nil {
			ctx = t.policy.Carry(ctx, b.caller)
		}
		b.note(b.many.Load(ctx, keys, b.settle))
		return flight.Ending[V]{}
	})
	if p := e.Panic(); p != nil && t.policy.Crash != nil {
		t.policy.Crash(p)
	}
}

// settle answers the callers of key i, once. A *flight.Panic is what a goroutine
// of the load's own for that key came to.
func (b *bundle[K, V]) settle(i int, v V, err error) {
	m := &b.members[b.wanted[i]]
	e := flight.Ending[V]{Value: v}
	if p, ok := err.(*flight.Panic); ok { //nolint:errorlint // it is never wrapped
		if b.table.policy.Crash != nil {
			b.table.policy.Crash(p)
		}
		e = flight.Ending[V]{How: flight.Panicked, Err: p}
	} else if err != nil {
		e = b.table.failure(m.f, b.caller, v, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.over && !m.answered {
		b.answerLocked(m, e, false)
	}
}

// note keeps what is left to answer until the load counts as returned: whoever
// has an answer of it finds no limit in the way that it was in.
func (b *bundle[K, V]) note(rest func(i int) (V, error)) {
	for i := range b.wanted {
		m := &b.members[b.wanted[i]]
		b.mu.Lock()
		answered := m.answered
		b.mu.Unlock()
		if answered {
			continue
		}
		v, err := rest(i)
		m.end = flight.Ending[V]{Value: v}
		if err != nil {
			m.end = b.table.failure(m.f, b.caller, v, err)
		}
		m.known = true
	}
}

func (b *bundle[K, V]) answerLocked(m *member[K, V], e flight.Ending[V], returned bool) {
	m.answered = true
	served := b.table.answer(m.f, e, returned)
	if b.table.policy.Loaded != nil {
		b.loaded = append(b.loaded, b.table.loaded(m.f, e, served))
	}
}

// finish says that the load has returned, with e for the members of which it
// said nothing.
func (b *bundle[K, V]) finish(e flight.Ending[V]) {
	t := b.table
	b.mu.Lock()
	b.over = true
	b.ctx.Finish()
	for i := range b.members {
		switch m := &b.members[i]; {
		case m.answered:
			t.returned(m.f)
		case m.known:
			b.answerLocked(m, m.end, true)
		default:
			b.answerLocked(m, e, true)
		}
	}
	b.mu.Unlock()
	for _, l := range b.loaded {
		t.policy.Loaded(l)
	}
}

// expire is what the timer calls at the end of Policy.Timeout.
func (b *bundle[K, V]) expire() {
	b.ctx.TimeOut()
	for i := range b.members {
		f := b.members[i].f
		b.table.cut(f, f.X.timedOut())
	}
}

// forsake ends all members that have not ended because the leader's context
// has.
func (b *bundle[K, V]) forsake() {
	err := b.caller.Err()
	endAs(b.ctx, err)
	for i := range b.members {
		b.table.cut(b.members[i].f, flight.Ending[V]{How: flight.Forsaken, Err: err})
	}
}
