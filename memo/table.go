package memo

import (
	"cmp"
	"context"
	"fmt"
	"sync"

	"github.com/onefold-go/onefold/internal/detached"
)

// A Table memoizes a load, for requests whose context has a memo. Each Table is
// a space of its own: two of the same types never see each other's values. It
// holds none itself, and is declared once for the whole program, as a package
// variable or a field.
//
// The zero Table is ready to use. Its methods may be called at the same time
// from many goroutines. A Table must not be copied after first use.
//
// Requests never share a load through a Table. To share loads between them, or
// to keep values longer, memoize the Load method of an onefold.Loader, or use a
// [View] of a cache.
type Table[K comparable, V any] struct {
	// Name says what is loaded, for errors. It may be empty, and must not be
	// changed after first use.
	Name string

	space space[K, V]
	once  sync.Once
	loads detached.Table[place[K], V]
}

// A place is a key in the scope of a request.
type place[K comparable] struct {
	memo *memo
	key  K
}

// Get gives the value of key that the request has had before, or else what load
// returns. Calls of one request for one key at the same time share one load.
//
// The load belongs to none of its callers: its context has the values of the
// ctx that started it, the memo too, and none of its cancellation; it ends when
// the last caller has left. Get returns as soon as ctx ends, with ctx.Err(). A
// value at hand is given even when ctx has ended already; nothing is started
// then. The load runs on a goroutine of its own, unless ctx can never end.
//
// An error is shared by those who wait for the load, and not remembered: the
// next Get loads again. If the load panics, Get panics in each of its callers
// with a *[PanicError]. If it calls runtime.Goexit, they get [ErrGoexit]. A
// load that asks for its own key, directly or through other loads, gets
// [ErrCycle] where it asks. A key that is not equal to itself, such as a NaN,
// gets [ErrKey].
//
// All callers get the same V and must not change what it leads to.
//
// Without a memo in ctx, Get is load(ctx, key). When the memo is full, loads
// are shared and not remembered.
//
// Get panics when ctx or load is nil.
func (t *Table[K, V]) Get(ctx context.Context, key K, load func(context.Context, K) (V, error)) (V, error) {
	if ctx == nil {
		panic("memo: nil context")
	}
	if load == nil {
		panic("memo: nil load")
	}
	m := of(ctx)
	if m == nil {
		return load(ctx, key)
	}
	if v, ok := t.space.look(m, key); ok {
		return v, nil
	}
	return t.space.remember(ctx, m, key, func(ctx context.Context, key K) (V, error) {
		return t.share(ctx, place[K]{m, key}, load)
	})
}

// share gives the value of a load at a place, which it starts if there is none
// under way.
func (t *Table[K, V]) share(ctx context.Context, at place[K], load func(context.Context, K) (V, error)) (V, error) {
	o := t.ready().Do(ctx, at, func(ctx context.Context, at place[K]) (V, error) {
		return load(attach(ctx, at.memo), at.key)
	})
	if p := o.Panic(); p != nil {
		panic(&PanicError{Value: p.Value, Stack: p.Stack})
	}
	if o.Err != nil {
		var zero V
		return zero, o.Err
	}
	return o.Value, nil
}

// Forget drops what the request has had for keys: the next Get of each loads. A
// load under way goes on for those who wait for it, and is not remembered. A
// request that has written to the source calls Forget to read what it wrote.
// Without a memo in ctx it does nothing.
//
// Forget panics when ctx is nil.
func (t *Table[K, V]) Forget(ctx context.Context, keys ...K) {
	if ctx == nil {
		panic("memo: nil context")
	}
	m := of(ctx)
	if m == nil {
		return
	}
	for _, key := range keys {
		// Both at once: whoever finds a new slot must not find the old load.
		t.ready().Detach(place[K]{m, key}, func() { t.space.forget(m, key) })
	}
}

// ready makes the table of loads at the first use.
func (t *Table[K, V]) ready() *detached.Table[place[K], V] {
	t.once.Do(func() {
		t.loads.Init(detached.Policy[place[K], V]{
			Name:            func() string { return cmp.Or(t.Name, fmt.Sprintf("%T", t)[1:]) },
			CancelAbandoned: true,
		})
	})
	return &t.loads
}
