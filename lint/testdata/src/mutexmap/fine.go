package mutexmap

import "sync"

type counted struct {
	mu    sync.Mutex
	locks map[string]*sync.Mutex
}

// Deleted when done with.
func (c *counted) lock(k string) *sync.Mutex {
	m := c.locks[k]
	if m == nil {
		m = new(sync.Mutex)
		c.locks[k] = m
	}
	return m
}

func (c *counted) unlock(k string) { delete(c.locks, k) }

type refs struct {
	mu    sync.Mutex
	users int
}

type counting struct{ locks map[string]*refs }

// With a count of users beside the mutex: its author frees them, or knows.
func (c *counting) of(k string) *refs {
	if c.locks[k] == nil {
		c.locks[k] = new(refs)
	}
	return c.locks[k]
}

type stage string

const (
	build stage = "build"
	test  stage = "test"
)

type stages struct{ locks map[stage]*sync.Mutex }

// Keys that are a few constants.
func (s *stages) of(k stage) *sync.Mutex {
	if s.locks[k] == nil {
		s.locks[k] = new(sync.Mutex)
	}
	return s.locks[k]
}

type fixed struct{ locks map[string]*sync.Mutex }

// Filled when it is made, and only read then.
func newFixed(disks []string) *fixed {
	f := &fixed{locks: make(map[string]*sync.Mutex)}
	for _, d := range disks {
		f.locks[d] = new(sync.Mutex)
	}
	return f
}

func (f *fixed) of(disk string) *sync.Mutex { return f.locks[disk] }

type constant struct{ locks map[string]*sync.Mutex }

// One key, a constant.
func (c *constant) global() *sync.Mutex {
	if c.locks["global"] == nil {
		c.locks["global"] = new(sync.Mutex)
	}
	return c.locks["global"]
}

// The map of one call.
func once(keys []string) {
	locks := make(map[string]*sync.Mutex)
	for _, k := range keys {
		locks[k] = new(sync.Mutex)
	}
}

type rounds struct{ locks map[string]*sync.Mutex }

func (r *rounds) of(k string) *sync.Mutex {
	if r.locks[k] == nil {
		r.locks[k] = new(sync.Mutex)
	}
	return r.locks[k]
}

// Begun again each round.
func (r *rounds) next() { r.locks = make(map[string]*sync.Mutex) }

type swept struct{ locks sync.Map }

// A sync.Map that is swept.
func (s *swept) of(k string) *sync.Mutex {
	m, _ := s.locks.LoadOrStore(k, new(sync.Mutex))
	return m.(*sync.Mutex)
}

func (s *swept) sweep() {
	s.locks.Range(func(k, _ any) bool {
		s.locks.Delete(k)
		return true
	})
}

type lent struct{ locks map[string]*sync.Mutex }

// Somebody else sees the map, and may delete.
func (l *lent) of(k string) *sync.Mutex {
	if l.locks[k] == nil {
		l.locks[k] = new(sync.Mutex)
	}
	tidy(l.locks)
	return l.locks[k]
}

func tidy(m map[string]*sync.Mutex) { clear(m) }

// A fixed number of stripes.
type striped struct{ locks [64]sync.Mutex }

func (s *striped) of(hash uint32) *sync.Mutex { return &s.locks[hash%64] }

type packages struct{ locks map[*loader]*sync.Mutex }

// Keys that are objects of the program: there are as many as it makes.
func (p *packages) add(l *loader) { p.locks[l] = new(sync.Mutex) }

type backend struct{ name string }

var exclusive = make(map[string]*sync.Mutex)

// A name that an object of the program has.
func (b *backend) lock() *sync.Mutex {
	if exclusive[b.name] == nil {
		exclusive[b.name] = new(sync.Mutex)
	}
	return exclusive[b.name]
}
