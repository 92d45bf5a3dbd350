package assertnil

import (
	"errors"
	"fmt"

	"golang.org/x/sync/singleflight"
)

type User struct{ Name string }

type Page struct{ Users []User }

type store struct {
	g     singleflight.Group
	users map[string]*User
}

var errGone = errors.New("gone")

func (s *store) query(id string) (*User, error) {
	if u := s.users[id]; u != nil {
		return u, nil
	}
	return nil, errGone
}

// The load gives a plain nil with its error, and the assertion comes first.
func (s *store) both(id string) (*User, error) {
	v, err, _ := s.g.Do(id, func() (any, error) {
		u, err := s.query(id)
		if err != nil {
			return nil, err
		}
		return u, nil
	})
	return v.(*User), err // want `gives nil when it fails and the error is not looked at before: the assertion to \*User then panics in every caller that waited`
}

// The error is dropped.
func (s *store) dropped(id string) string {
	v, _, _ := s.g.Do(id, func() (any, error) {
		u, err := s.query(id)
		if err != nil {
			return nil, fmt.Errorf("user %s: %w", id, err)
		}
		return u, nil
	})
	return v.(*User).Name // want `its error is dropped: the assertion to \*User then panics`
}

// The error is logged, and the code goes on.
func (s *store) logged(id string) (string, error) {
	v, err, _ := s.g.Do(id, s.named)
	if err != nil {
		fmt.Println("user", id, err)
	}
	u := v.(*User) // want `the error is not looked at before`
	return u.Name, err
}

func (s *store) named() (any, error) {
	u, err := s.query("root")
	if err != nil {
		return nil, err
	}
	return u, nil
}

// Nil without an error stands for "there is none", and the check of the error
// lets it pass.
func (s *store) none(id string) (*User, error) {
	v, err, _ := s.g.Do(id, func() (any, error) {
		u, err := s.query(id)
		if errors.Is(err, errGone) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		return u, nil
	})
	if err != nil {
		return nil, err
	}
	return v.(*User), nil // want `can give nil without an error: the assertion to \*User then panics in every caller that waited`
}

// A value and a pointer to one are two types.
func (s *store) pointer(id string) (*Page, error) {
	v, err, _ := s.g.Do(id, func() (any, error) {
		return Page{}, nil
	})
	if err != nil {
		return nil, err
	}
	return v.(*Page), nil // want `the load gives a Page: the assertion to \*Page panics whenever it succeeds`
}

// The load was changed, and the caller was not.
func (s *store) changed(id string) ([]User, error) {
	v, err, _ := s.g.Do(id, func() (any, error) {
		u, err := s.query(id)
		if err != nil {
			return nil, err
		}
		return &Page{Users: []User{*u}}, nil
	})
	if err != nil {
		return nil, err
	}
	users := v.([]User) // want `the load gives a \*Page: the assertion to \[\]User panics whenever it succeeds`
	return users, nil
}

// On a channel it is the same.
func (s *store) channel(id string) (string, error) {
	r := <-s.g.DoChan(id, s.named)
	return r.Val.(*User).Name, r.Err // want `the error is not looked at before`
}

// Another type than on success.
func (s *store) empty(id string) ([]byte, error) {
	v, err, _ := s.g.Do(id, func() (any, error) {
		u, err := s.query(id)
		if err != nil {
			return "", err
		}
		return []byte(u.Name), nil
	})
	b := v.([]byte) // want `gives a string when it fails and the error is not looked at before`
	return b, err
}

// A nil pointer in an interface is not nil.
func (s *store) typedNil(id string) (*User, error) {
	v, err, _ := s.g.Do(id, func() (any, error) {
		if id == "" {
			return (*User)(nil), nil
		}
		u, err := s.query(id)
		return u, err
	})
	if err != nil {
		return nil, err
	}
	if v == nil { // want `gives a nil \*User inside an interface, which is not equal to nil`
		return nil, errGone
	}
	return v.(*User), nil
}
