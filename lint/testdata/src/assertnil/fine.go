package assertnil

import (
	"errors"
	"io"
	"strings"
)

func cached(string) (any, bool) { return nil, false }

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// The error is looked at first.
func (s *store) checked(id string) (*User, error) {
	v, err, _ := s.g.Do(id, s.named)
	if err != nil {
		return nil, err
	}
	return v.(*User), nil
}

// So it is when the value came from one of two places.
func (s *store) eitherWay(id string) (*User, error) {
	v, ok := cached(id)
	if !ok {
		var err error
		if v, err, _ = s.g.Do(id, s.named); err != nil {
			return nil, err
		}
	}
	return v.(*User), nil
}

// A load that gives the same type on all ways: a nil *User is one.
func (s *store) total(id string) (*User, error) {
	v, err, _ := s.g.Do(id, func() (any, error) {
		u, err := s.query(id)
		return u, err
	})
	return v.(*User), err
}

type result struct {
	user *User
	err  error
}

// A result that carries the error: the load itself never fails.
func (s *store) carried(id string) (*User, error) {
	v, _, _ := s.g.Do(id, func() (any, error) {
		u, err := s.query(id)
		return result{u, err}, nil
	})
	r := v.(result)
	return r.user, r.err
}

// A load that cannot fail.
func (s *store) never(id string) string {
	v, _, _ := s.g.Do(id, func() (any, error) { return strings.ToLower(id), nil })
	return v.(string)
}

// A comma-ok, or a switch, takes what comes.
func (s *store) commaOk(id string) (*User, error) {
	v, err, _ := s.g.Do(id, s.named)
	u, _ := v.(*User)
	switch v := v.(type) {
	case *User:
		u = v
	}
	return u, err
}

// A nil without an error that is looked for.
func (s *store) lookedFor(id string) (*User, error) {
	v, err, _ := s.g.Do(id, func() (any, error) {
		u, err := s.query(id)
		if errors.Is(err, errGone) {
			return nil, nil
		}
		return u, err
	})
	if err != nil || v == nil {
		return nil, err
	}
	return v.(*User), nil
}

// Looked at in another function, or by what is made of it.
func (s *store) elsewhere(id string) (*User, *User) {
	v, err, _ := s.g.Do(id, s.named)
	must(err)
	w, err, _ := s.g.Do(id, s.named)
	if errors.Is(err, errGone) {
		return v.(*User), nil
	}
	return v.(*User), w.(*User)
}

// The interface that the type has.
func (s *store) reader(id string) (io.Reader, error) {
	v, err, _ := s.g.Do(id, func() (any, error) { return strings.NewReader(id), nil })
	if err != nil {
		return nil, err
	}
	return v.(io.Reader), nil
}

// What comes out of a channel after its error was looked at.
func (s *store) received(id string, quit chan struct{}) (*User, error) {
	select {
	case r := <-s.g.DoChan(id, s.named):
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*User), nil
	case <-quit:
		return nil, errGone
	}
}

// What the load gives is not seen.
func (s *store) opaque(id string, load func() (any, error)) (*User, error) {
	v, err, _ := s.g.Do(id, load)
	return v.(*User), err
}

// A guard that was put around the use, not before it.
func (s *store) around(id string) (u *User, err error) {
	v, err, _ := s.g.Do(id, s.named)
	if err == nil {
		u = v.(*User)
	}
	return u, err
}
