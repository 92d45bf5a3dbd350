package callerstore

import (
	"encoding/json"
	"sync"
	"time"
)

// Who did the work: known to the one who did.
func (s *store) leader(id string) (any, error, bool) {
	leader := false
	v, err, _ := s.g.Do(id, func() (any, error) {
		leader = true
		return s.query(id)
	})
	return v, err, leader
}

// So is how long it took.
func (s *store) took(id string) (any, error, time.Duration) {
	var took time.Duration
	v, err, _ := s.g.Do(id, func() (any, error) {
		start := time.Now()
		u, err := s.query(id)
		took = time.Since(start)
		return u, err
	})
	return v, err, took
}

// The store's own cache is everybody's.
func (s *store) receiver(id string) error {
	_, err, _ := s.g.Do(id, func() (any, error) {
		u, err := s.query(id)
		if err != nil {
			return nil, err
		}
		s.users[id] = u
		return nil, nil
	})
	return err
}

// One that is given as an argument may be.
func warm(s *store, cache map[string]*user, mu *sync.Mutex, id string) error {
	_, err, _ := s.g.Do(id, func() (any, error) {
		u, err := s.query(id)
		if err != nil {
			return nil, err
		}
		mu.Lock()
		defer mu.Unlock()
		cache[id] = u
		return nil, nil
	})
	return err
}

type entry struct{ user *user }

// An entry that was found somewhere is not the caller's alone.
func (s *store) refresh(e *entry) error {
	_, err, _ := s.g.Do("k", func() (any, error) {
		u, err := s.query("k")
		if err != nil {
			return nil, err
		}
		e.user = u
		return nil, nil
	})
	return err
}

func (s *store) refreshAll(all map[string]*entry) {
	for _, e := range all {
		s.refresh(e)
	}
}

// The data is given too, and each caller takes it from there.
func (s *store) both(id string, dest any) error {
	v, err, _ := s.g.Do(id, func() (any, error) {
		b, err := s.bytes(id)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(b, dest); err != nil {
			return nil, err
		}
		return json.Marshal(dest)
	})
	if err != nil {
		return err
	}
	return json.Unmarshal(v.([]byte), dest)
}

// The variable is set again with what the load gave.
func (s *store) again(id string) (u *user, err error) {
	var v any
	v, err, _ = s.g.Do(id, func() (any, error) {
		u, err = s.query(id)
		return u, err
	})
	if err == nil {
		u = v.(*user)
	}
	return u, err
}

// A variable that is the load's working space, and read nowhere else.
func (s *store) scratch(id string) (any, error) {
	var buf []byte
	v, err, _ := s.g.Do(id, func() (any, error) {
		b, err := s.bytes(id)
		buf = append(buf[:0], b...)
		return len(buf), err
	})
	return v, err
}

// A variable of the load's own.
func (s *store) own(id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) {
		var u user
		b, err := s.bytes(id)
		if err != nil {
			return nil, err
		}
		err = json.Unmarshal(b, &u)
		return u, err
	})
	return v, err
}

type made struct {
	next *made
	user *user
}

// What the one who did the work has left to do: it is asked for first.
func (s *store) leftToDo(id string) (any, error) {
	var own struct{ entry *made }
	v, err, _ := s.g.Do(id, func() (any, error) {
		u, err := s.query(id)
		own.entry = &made{user: u}
		return u, err
	})
	if err != nil {
		return nil, err
	}
	if own.entry != nil {
		s.keep(own.entry)
	}
	return v, err
}

func (s *store) leftWhole(id string) (any, error) {
	var own struct{ entry *made }
	v, err, _ := s.g.Do(id, func() (any, error) {
		u, err := s.query(id)
		own = struct{ entry *made }{&made{user: u}}
		return u, err
	})
	if own.entry != nil {
		s.keep(own.entry)
	}
	return v, err
}

func (s *store) keep(*made) {}
