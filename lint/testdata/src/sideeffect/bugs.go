package sideeffect

import (
	"context"
	"fmt"

	"golang.org/x/sync/singleflight"
)

type auditLog struct{}

func (*auditLog) Write(user, what string) {}

type limiter struct{}

func (*limiter) Incr(ctx context.Context, user string) error { return nil }

type bus struct{}

func (*bus) Publish(topic string, v any) error { return nil }

type views struct{}

func (*views) Record(user string) {}
func (*views) Set(key, by string) {}

type service struct {
	g       singleflight.Group
	audit   *auditLog
	limiter *limiter
	bus     *bus
	views   *views
}

func fetch(key string) (string, error) { return key, nil }

func auditAccess(user, doc string) {}

// Each access has to be in the log, and one of many is.
func (s *service) document(user, id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) {
		auditAccess(user, id) // want `auditAccess is called once for all who share this load, not once for each of them`
		return fetch(id)
	})
	return v, err
}

// By a type that is there for it.
func (s *service) check(user, id string) (any, error) {
	v, err, _ := s.g.Do(user+id, func() (any, error) {
		s.audit.Write(user, "check") // want `auditLog.Write is called once for all`
		return fetch(id)
	})
	return v, err
}

// One call further.
func (s *service) allowed(user string) (any, error) {
	v, err, _ := s.g.Do(user, func() (any, error) {
		return s.policy(user) // want `auditLog.Write is called once for all`
	})
	return v, err
}

func (s *service) policy(user string) (bool, error) {
	s.audit.Write(user, "policy")
	return user != "", nil
}

// An event for each view becomes one for each load.
func (s *service) view(id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) {
		defer s.bus.Publish("viewed", id) // want `bus.Publish is called once for all`
		return fetch(id)
	})
	return v, err
}

// A rate that is counted for one user.
func (s *service) search(ctx context.Context, user, query string) (any, error) {
	v, err, _ := s.g.Do(query, func() (any, error) {
		if err := s.limiter.Incr(context.WithoutCancel(ctx), user); err != nil { // want `limiter.Incr is called once for all who share this load, with the user of the first of them`
			return nil, err
		}
		return fetch(query)
	})
	return v, err
}

// Who looked at it.
func (s *service) profile(viewer, id string) (any, error) {
	v, err, _ := s.g.Do("profile/"+id, func() (any, error) {
		s.views.Record(fmt.Sprint("viewer ", viewer)) // want `views.Record is called once for all who share this load, with the viewer of the first`
		return fetch(id)
	})
	return v, err
}

type request struct{ user, doc string }

// A field of the request that the key leaves out.
func (s *service) last(r *request, doc string) (any, error) {
	v, err, _ := s.g.Do(doc, func() (any, error) {
		s.views.Set(doc, r.user) // want `views.Set is called once for all who share this load, with the r of the first`
		return fetch(doc)
	})
	return v, err
}
