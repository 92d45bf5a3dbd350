package keyspace

import (
	"context"
	"fmt"
	"strconv"

	"github.com/onefold-go/onefold"
	"golang.org/x/sync/singleflight"
)

type user struct{ name string }
type order struct{ total int }

type db interface {
	User(id string) (*user, error)
	UserByName(name string) (*user, error)
	Order(id string) (*order, error)
	Orders(user string) ([]order, error)
	Enable(id string) error
	Disable(id string) error
}

type store struct {
	g       singleflight.Group
	ids     singleflight.Group
	state   singleflight.Group
	lists   singleflight.Group
	codes   singleflight.Group
	wrapped singleflight.Group
	typed   onefold.Group[string, string]
	db      db
}

// A user's id and an order's may be the same number.
func (s *store) user(id string) (*user, error) {
	v, err, _ := s.g.Do(id, func() (any, error) { return s.db.User(id) })
	if err != nil {
		return nil, err
	}
	return v.(*user), nil
}

func (s *store) order(id string) (*order, error) {
	v, err, _ := s.g.Do(id, func() (any, error) { return s.db.Order(id) }) // want `that of user may be the same, and the loads are not: a caller who wants a \*order gets a \*user, and an assertion of its type panics`
	if err != nil {
		return nil, err
	}
	return v.(*order), nil
}

// One prefix for two things.
func (s *store) name(id int) (any, error) {
	v, err, _ := s.ids.Do("id:"+strconv.Itoa(id), func() (any, error) { return s.db.User(strconv.Itoa(id)) })
	return v, err
}

func (s *store) total(id int) (any, error) {
	v, err, _ := s.ids.Do(fmt.Sprintf("id:%d", id), func() (any, error) { return s.db.Order(strconv.Itoa(id)) }) // want `that of name may be the same`
	return v, err
}

// The types are the same, and the answers are not.
func (s *store) byID(id string) (any, error) {
	v, err, _ := shared.Do(id, func() (any, error) { return s.db.User(id) })
	return v, err
}

func (s *store) byName(name string) (any, error) {
	v, err, _ := shared.Do(name, func() (any, error) { return s.db.UserByName(name) }) // want `that of byID may be the same, and the loads are not: a caller who comes while the other one runs gets its result`
	return v, err
}

var shared singleflight.Group

// Whoever disables while another enables has done nothing.
func (s *store) enable(id string) error {
	_, err, _ := s.state.Do(id, func() (any, error) { return s.switched(id, true) })
	return err
}

func (s *store) switched(id string, on bool) (bool, error) { return on, s.db.Enable(id) }

func (s *store) count(id string) (int, error) {
	v, err, _ := s.state.Do(id, func() (any, error) { // want `that of enable may be the same`
		all, err := s.db.Orders(id)
		return len(all), err
	})
	return v.(int), err
}

// The same constant twice.
func (s *store) firstList() (any, error) {
	v, err, _ := s.lists.Do("list", func() (any, error) { return s.db.Orders("first") })
	return v, err
}

func (s *store) secondList() (any, error) {
	v, err, _ := s.lists.Do("list", func() (any, error) { return s.db.User("second") }) // want `that of firstList may be the same`
	return v, err
}

// One function makes the keys of both.
func key(id string) string { return "k/" + id }

func (s *store) code(id string) (any, error) {
	v, err, _ := s.codes.Do(key(id), func() (any, error) { return s.db.User(id) })
	return v, err
}

func (s *store) codeOrder(id string) (any, error) {
	v, err, _ := s.codes.Do(key(id), func() (any, error) { return s.db.Order(id) }) // want `that of code may be the same`
	return v, err
}

// A typed group tells values apart, and not keys.
func (s *store) title(ctx context.Context, id string) (string, error) {
	return s.typed.Do(ctx, id, loadTitle)
}

func (s *store) body(ctx context.Context, id string) (string, error) {
	return s.typed.Do(ctx, id, loadBody) // want `that of title may be the same`
}

func loadTitle(ctx context.Context, id string) (string, error) { return source.Title(id) }
func loadBody(ctx context.Context, id string) (string, error)  { return source.Body(id) }

var source interface {
	Title(id string) (string, error)
	Body(id string) (string, error)
}

// A wrapper's callers share its group.
func (s *store) shared(id string, load func() (any, error)) (any, error) {
	v, err, _ := s.wrapped.Do("w:"+id, load)
	return v, err
}

func (s *store) sharedUser(id string) (any, error) {
	return s.shared(id, func() (any, error) { return s.db.User(id) })
}

func (s *store) sharedOrder(id string) (any, error) {
	return s.shared(id, func() (any, error) { return s.db.Order(id) }) // want `that of sharedUser may be the same`
}
