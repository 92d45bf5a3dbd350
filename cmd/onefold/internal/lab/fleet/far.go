package fleet

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/embedded"
	"github.com/onefold-go/onefold/tier"
)

// A farCall is a call of an embedded far tier, or what came of it, on its way
// between a process and the one that has it.
type farCall struct {
	Method  farMethod
	Key     string
	Options tier.AcquireOptions
	Lease   tier.Lease
	Item    tier.Item
	For     time.Duration // the argument of Release or Renew
	Tags    []string

	Yes      bool // stored, or held
	HeldFor  time.Duration
	Waits    bool // an opWake of this ID follows
	LoadSelf bool
	Table    tier.TagTable
	Change   tier.Change
}

type farMethod uint8

const (
	farGet farMethod = iota
	farDelete
	farAcquire
	farFill
	farRelease
	farRenew
	farSet
	farTags
	farBump
	farNotify // opChange follow until the process ends
)

// serveFar does a call of the process in the engine.
func (p *process) serveFar(f frame) {
	c, ctx := f.Far, p.live
	answer := frame{Op: opFarDone, ID: f.ID, Far: &farCall{}}
	var err error
	var changed <-chan struct{}
	switch s := p.far; c.Method {
	case farGet:
		answer.Far.Item, err = s.Get(ctx, c.Key)
	case farDelete:
		err = s.Delete(ctx, c.Key)
	case farAcquire:
		var g tier.Grant
		g, err = s.Acquire(ctx, c.Key, c.Options)
		changed = g.Changed
		*answer.Far = farCall{Item: g.Item, Lease: g.Lease, HeldFor: g.HeldFor, Waits: changed != nil, LoadSelf: g.LoadSelf}
	case farFill:
		answer.Far.Yes, err = s.Fill(ctx, c.Key, c.Lease, c.Item)
	case farRelease:
		err = s.Release(ctx, c.Key, c.Lease, c.For)
	case farRenew:
		answer.Far.Yes, err = s.Renew(ctx, c.Key, c.Lease, c.For)
	case farSet:
		err = s.Set(ctx, c.Key, c.Item)
	case farTags:
		answer.Far.Table, err = s.Tags(ctx)
	case farBump:
		answer.Far.Table, err = s.Bump(ctx, c.Tags...)
	case farNotify:
		_ = s.Notify(ctx, func(c tier.Change) {
			_ = p.wire.send(frame{Op: opChange, Far: &farCall{Change: c}}) // listen finds out when it has gone
		})
		return
	}
	if err != nil {
		answer.Fault = faultOf(err)
	}
	_ = p.wire.send(answer)
	if changed == nil {
		return
	}
	end := time.NewTimer(answer.Far.HeldFor)
	defer end.Stop()
	select {
	case <-changed:
	case <-end.C:
	case <-ctx.Done():
	}
	_ = p.wire.send(frame{Op: opWake, ID: f.ID})
}

// A remote is the embedded far tier, seen from a process of the fleet.
type remote struct {
	wire *wire

	mu      sync.Mutex
	last    uint64
	calls   map[uint64]chan frame    // guarded by mu
	waits   map[uint64]chan struct{} // guarded by mu; that are closed when an opWake comes
	deliver func(tier.Change)        // guarded by mu; nil: nobody listens
}

var _ interface {
	tier.Leaser
	tier.Renewer
	tier.Setter
	tier.Notifier
	tier.Tagger
} = (*remote)(nil)

func newRemote(w *wire) *remote {
	return &remote{wire: w, calls: make(map[uint64]chan frame), waits: make(map[uint64]chan struct{})}
}

// receive takes a frame that is for r.
func (r *remote) receive(f frame) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch f.Op {
	case opFarDone:
		if done := r.calls[f.ID]; done != nil {
			delete(r.calls, f.ID)
			if f.Far.Waits {
				r.waits[f.ID] = make(chan struct{}) // before the wake can come
			}
			done <- f
		}
	case opWake:
		if changed := r.waits[f.ID]; changed != nil {
			delete(r.waits, f.ID)
			close(changed)
		}
	case opChange:
		if r.deliver != nil {
			r.deliver(f.Far.Change)
		}
	}
}

// do makes a call and gives what came of it.
func (r *remote) do(ctx context.Context, c farCall) (done farCall, changed <-chan struct{}, err error) {
	if err := ctx.Err(); err != nil {
		return farCall{}, nil, err
	}
	answer := make(chan frame, 1)
	r.mu.Lock()
	r.last++
	id := r.last
	r.calls[id] = answer
	r.mu.Unlock()
	if err := r.wire.send(frame{Op: opFar, ID: id, Far: &c}); err != nil {
		return farCall{}, nil, err
	}
	select {
	case f := <-answer:
		if f.Fault != nil {
			return farCall{}, nil, f.Fault.error()
		}
		if f.Far.Waits {
			r.mu.Lock()
			changed = r.waits[id]
			r.mu.Unlock()
			if changed == nil { // it has come already
				woken := make(chan struct{})
				close(woken)
				changed = woken
			}
		}
		return *f.Far, changed, nil
	case <-ctx.Done():
		return farCall{}, nil, ctx.Err()
	}
}

func (r *remote) Get(ctx context.Context, key string) (tier.Item, error) {
	done, _, err := r.do(ctx, farCall{Method: farGet, Key: key})
	return done.Item, err
}

func (r *remote) Delete(ctx context.Context, key string) error {
	_, _, err := r.do(ctx, farCall{Method: farDelete, Key: key})
	return err
}

func (r *remote) Acquire(ctx context.Context, key string, o tier.AcquireOptions) (tier.Grant, error) {
	d, changed, err := r.do(ctx, farCall{Method: farAcquire, Key: key, Options: o})
	return tier.Grant{Item: d.Item, Lease: d.Lease, Changed: changed, HeldFor: d.HeldFor, LoadSelf: d.LoadSelf}, err
}

func (r *remote) Fill(ctx context.Context, key string, l tier.Lease, it tier.Item) (bool, error) {
	d, _, err := r.do(ctx, farCall{Method: farFill, Key: key, Lease: l, Item: it})
	return d.Yes, err
}

func (r *remote) Release(ctx context.Context, key string, l tier.Lease, loadSelf time.Duration) error {
	_, _, err := r.do(ctx, farCall{Method: farRelease, Key: key, Lease: l, For: loadSelf})
	return err
}

func (r *remote) Renew(ctx context.Context, key string, l tier.Lease, ttl time.Duration) (bool, error) {
	d, _, err := r.do(ctx, farCall{Method: farRenew, Key: key, Lease: l, For: ttl})
	return d.Yes, err
}

func (r *remote) Set(ctx context.Context, key string, it tier.Item) error {
	_, _, err := r.do(ctx, farCall{Method: farSet, Key: key, Item: it})
	return err
}

func (r *remote) Tags(ctx context.Context) (tier.TagTable, error) {
	d, _, err := r.do(ctx, farCall{Method: farTags})
	return d.Table, err
}

func (r *remote) Bump(ctx context.Context, tags ...string) (tier.TagTable, error) {
	d, _, err := r.do(ctx, farCall{Method: farBump, Tags: tags})
	return d.Table, err
}

// Notify can have one listener.
func (r *remote) Notify(ctx context.Context, deliver func(tier.Change)) error {
	changes := make(chan tier.Change, 1<<16)
	r.mu.Lock()
	busy := r.deliver != nil
	if !busy {
		r.deliver = func(c tier.Change) { changes <- c }
	}
	r.mu.Unlock()
	if busy {
		return errors.New("fleet: there is a listener already, want one")
	}
	if err := r.wire.send(frame{Op: opFar, Far: &farCall{Method: farNotify}}); err != nil {
		return err
	}
	for {
		select {
		case c := <-changes:
			deliver(c)
		case <-ctx.Done(): // and with it this process's cache
			return ctx.Err()
		}
	}
}

// Staleness is that of the engine: the wire does not break unnoticed.
func (*remote) Staleness() time.Duration { return new(embedded.Store).Staleness() }
