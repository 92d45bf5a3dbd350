package keyspace

import (
	"context"
	"fmt"

	"github.com/onefold-go/onefold"
	"golang.org/x/sync/singleflight"
)

type fine struct {
	g       singleflight.Group
	one     singleflight.Group
	two     singleflight.Group
	same    singleflight.Group
	quiet   singleflight.Group
	suffix  singleflight.Group
	marked  singleflight.Group
	made    singleflight.Group
	users   flights
	orders  flights
	kinds   onefold.Group[kinded, string]
	numbers onefold.Group[int, string]
	db      db
}

type flights struct{ g singleflight.Group }

// Different beginnings.
func (f *fine) user(id string) (any, error) {
	v, err, _ := f.g.Do("user:"+id, func() (any, error) { return f.db.User(id) })
	return v, err
}

func (f *fine) order(id string) (any, error) {
	v, err, _ := f.g.Do(fmt.Sprintf("order:%s", id), func() (any, error) { return f.db.Order(id) })
	return v, err
}

func (f *fine) all() (any, error) {
	v, err, _ := f.g.Do("all", func() (any, error) { return f.db.Orders("") })
	return v, err
}

// Different ends.
func (f *fine) head(id string) (any, error) {
	v, err, _ := f.suffix.Do(id+"-head", func() (any, error) { return f.db.User(id) })
	return v, err
}

func (f *fine) tail(id string) (any, error) {
	v, err, _ := f.suffix.Do(id+"-tail", func() (any, error) { return f.db.Order(id) })
	return v, err
}

// A zero byte is in no name: keys with one are apart from those without.
func (f *fine) whole(id string) (any, error) {
	v, err, _ := f.marked.Do(id, func() (any, error) { return f.db.User(id) })
	return v, err
}

func (f *fine) section(id, from string) (any, error) {
	v, err, _ := f.marked.Do(id+"\x00from\x00"+from, func() (any, error) { return f.db.Order(id) })
	return v, err
}

// Two groups.
func (f *fine) first(id string) (any, error) {
	v, err, _ := f.one.Do(id, func() (any, error) { return f.db.User(id) })
	return v, err
}

func (f *fine) second(id string) (any, error) {
	v, err, _ := f.two.Do(id, func() (any, error) { return f.db.Order(id) })
	return v, err
}

// Two groups of one type, in two fields.
func (f *fine) third(id string) (any, error) {
	v, err, _ := f.users.g.Do(id, func() (any, error) { return f.db.User(id) })
	return v, err
}

func (f *fine) fourth(id string) (any, error) {
	v, err, _ := f.orders.g.Do(id, func() (any, error) { return f.db.Order(id) })
	return v, err
}

// One load, called from two places.
func (f *fine) load(id string) (*user, error) { return f.db.User(id) }

func (f *fine) get(id string) (any, error) {
	v, err, _ := f.same.Do(id, func() (any, error) { return f.load(id) })
	return v, err
}

func (f *fine) refresh(id string) <-chan singleflight.Result {
	return f.same.DoChan(id, func() (any, error) {
		u, err := f.load(id)
		if err != nil {
			return nil, err
		}
		return u, nil
	})
}

// One at a time is all that they want.
func (f *fine) enable(id string) {
	f.quiet.Do(id, func() (any, error) { return nil, f.db.Enable(id) })
}

func (f *fine) disable(id string) error {
	_, err, _ := f.quiet.Do(id, func() (any, error) { return nil, f.db.Disable(id) })
	return err
}

// Two functions make the keys.
func userKey(id string) string  { return mix("user", id) }
func orderKey(id string) string { return mix("order", id) }

var mix func(a, b string) string

func (f *fine) madeUser(id string) (any, error) {
	v, err, _ := f.made.Do(userKey(id), func() (any, error) { return f.db.User(id) })
	return v, err
}

func (f *fine) madeOrder(id string) (any, error) {
	v, err, _ := f.made.Do(orderKey(id), func() (any, error) { return f.db.Order(id) })
	return v, err
}

// A field of the key tells them apart.
type kinded struct{ kind, id string }

func (f *fine) kindTitle(ctx context.Context, id string) (string, error) {
	return f.kinds.Do(ctx, kinded{"title", id}, func(ctx context.Context, k kinded) (string, error) { return source.Title(k.id) })
}

func (f *fine) kindBody(ctx context.Context, id string) (string, error) {
	return f.kinds.Do(ctx, kinded{"body", id}, func(ctx context.Context, k kinded) (string, error) { return source.Body(k.id) })
}

// Each call has a group of its own.
func local(d db, id string) {
	var g singleflight.Group
	v, err, _ := g.Do(id, func() (any, error) { return d.User(id) })
	w, err2, _ := g.Do(id, func() (any, error) { return d.Order(id) })
	_, _, _, _ = v, w, err, err2
}

// One load for two ways to store it, which the flight runs besides.
func (f *fine) stored(id string, fill, store func(any) error) error {
	var v any
	_, err, _ := f.same.Do(id, func() (any, error) {
		if err := fill(&v); err != nil {
			return nil, err
		}
		if err := store(v); err != nil {
			fmt.Println(err)
		}
		return v, nil
	})
	return err
}

func (f *fine) kept(id string, fill func(any) error) error {
	return f.stored(id, fill, func(v any) error { return f.db.Enable(fmt.Sprint(v)) })
}

func (f *fine) keptShort(id string, fill func(any) error) error {
	return f.stored(id, fill, func(v any) error { return f.db.Disable(fmt.Sprint(v)) })
}
