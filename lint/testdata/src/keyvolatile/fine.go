package keyvolatile

import (
	"context"
	"fmt"
	"log"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// A rounded time is a bucket of callers.
func (s *store) hourly(id string) (any, error) {
	v, err, _ := s.g.Do(id+time.Now().Truncate(time.Hour).String(), func() (any, error) { return s.db.Find(id) })
	return v, err
}

func (s *store) daily(id string) (any, error) {
	v, err, _ := s.g.Do(id+time.Now().Format("2006-01-02"), func() (any, error) { return s.db.Find(id) })
	return v, err
}

func (s *store) minutes(id string) (any, error) {
	v, err, _ := s.g.Do(id+strconv.FormatInt(time.Now().UnixMilli()/60_000, 10), func() (any, error) { return s.db.Find(id) })
	return v, err
}

// The time is what is asked for.
func (s *store) since(id string) (any, error) {
	at := time.Now()
	v, err, _ := s.g.Do(fmt.Sprint(id, at), func() (any, error) { return s.db.Since(id, at) })
	return v, err
}

// So is the trace, here.
func (s *store) trace(traceID string) (any, error) {
	v, err, _ := s.g.Do("trace/"+traceID, func() (any, error) { return s.db.Find(traceID) })
	return v, err
}

func (s *store) asked(c *call) (any, error) {
	v, err, _ := s.g.Do(c.RequestID, func() (any, error) { return s.db.Find(c.RequestID) })
	return v, err
}

// An id made of what it is given is the same each time.
func (s *store) named(name string) (any, error) {
	id := uuid.NewSHA1(self, []byte(name)).String()
	v, err, _ := s.g.Do(id, func() (any, error) { return s.db.Find(name) })
	return v, err
}

// A parsed one is the caller's.
func (s *store) parsed(id string) (any, error) {
	u, err := uuid.Parse(id)
	if err != nil {
		return nil, err
	}
	v, err, _ := s.g.Do(u.String(), func() (any, error) { return s.db.Find(id) })
	return v, err
}

// The store is at one address for all.
func (s *store) ours(id string) (any, error) {
	v, err, _ := s.g.Do(fmt.Sprintf("%p/%s", s, id), func() (any, error) { return s.db.Find(id) })
	return v, err
}

// The request's id is logged, and not in the key.
func (s *store) logged(ctx context.Context, requestID, id string) (any, error) {
	log.Print(requestID, time.Now())
	v, err, _ := s.g.Do(id, func() (any, error) { return s.db.Find(id) })
	return v, err
}
