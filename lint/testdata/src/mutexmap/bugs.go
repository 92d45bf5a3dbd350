package mutexmap

import (
	"sync"

	"golang.org/x/sync/singleflight"
)

type loader struct {
	mu    sync.Mutex
	locks map[string]*sync.Mutex
	cache map[string]string
}

func newLoader() *loader {
	return &loader{locks: make(map[string]*sync.Mutex), cache: make(map[string]string)}
}

// A mutex a key: it serialises the loads and is never freed.
func (l *loader) get(id string) string {
	l.mu.Lock()
	lock, ok := l.locks[id]
	if !ok {
		lock = &sync.Mutex{}
		l.locks[id] = lock // want `each key gets a mutex here that nothing takes out again: the map grows with every key that was ever asked for`
	}
	l.mu.Unlock()

	lock.Lock()
	defer lock.Unlock()
	return l.cache[id]
}

type files struct{ byPath sync.Map }

// In a sync.Map.
func (f *files) lock(path string) func() {
	v, _ := f.byPath.LoadOrStore(path, &sync.Mutex{}) // want `each key gets a mutex here`
	m := v.(*sync.Mutex)
	m.Lock()
	return m.Unlock
}

var (
	tenantsMu sync.Mutex
	tenants   map[int]*sync.RWMutex
)

// In a variable of the package, made when first needed.
func tenant(id int) *sync.RWMutex {
	tenantsMu.Lock()
	defer tenantsMu.Unlock()
	if tenants == nil {
		tenants = make(map[int]*sync.RWMutex)
	}
	m := tenants[id]
	if m == nil {
		m = new(sync.RWMutex)
		tenants[id] = m // want `each key gets a mutex here`
	}
	return m
}

type keyLock struct{ sync.Mutex }

type named struct{ locks map[string]*keyLock }

// A struct that is a mutex and no more.
func (n *named) lock(k string) {
	if n.locks[k] == nil {
		n.locks[k] = new(keyLock) // want `each key gets a mutex here`
	}
	n.locks[k].Lock()
}

type flights struct {
	mu     sync.Mutex
	groups map[string]*singleflight.Group
}

// A group a key: one group for all keys does the same and frees them.
func (f *flights) load(key string) (any, error) {
	f.mu.Lock()
	g, ok := f.groups[key]
	if !ok {
		g = new(singleflight.Group)
		f.groups[key] = g // want `each key gets a group here`
	}
	f.mu.Unlock()
	v, err, _ := g.Do(key, func() (any, error) { return key, nil })
	return v, err
}

var groups sync.Map

// The same in a sync.Map.
func load(key string) (any, error) {
	g, _ := groups.LoadOrStore(key, new(singleflight.Group)) // want `each key gets a group here`
	v, err, _ := g.(*singleflight.Group).Do("", func() (any, error) { return key, nil })
	return v, err
}

type table[K comparable] struct{ locks map[K]*sync.Mutex }

// With a type parameter.
func (t *table[K]) of(k K) *sync.Mutex {
	if m, ok := t.locks[k]; ok {
		return m
	}
	m := new(sync.Mutex)
	t.locks[k] = m // want `each key gets a mutex here`
	return m
}
