package nocache

import (
	"context"
	"os"
	"sync"

	"golang.org/x/sync/singleflight"
)

type cached struct {
	g     singleflight.Group
	db    *db
	cache sync.Map
	rows  map[string]string
	last  string
}

// Looked up before, put in by the load.
func (c *cached) user(id string) (any, error) {
	if v, ok := c.cache.Load(id); ok {
		return v, nil
	}
	v, err, _ := c.g.Do(id, func() (any, error) {
		v, err := c.db.user(context.Background(), id)
		if err == nil {
			c.cache.Store(id, v)
		}
		return v, err
	})
	return v, err
}

// In a map.
func (c *cached) row(id string) (any, error) {
	v, err, _ := c.g.Do(id, func() (any, error) {
		v, err := c.db.user(context.Background(), id)
		c.rows[id] = v
		return v, err
	})
	return v, err
}

// In a field.
func (c *cached) current() (any, error) {
	v, err, _ := c.g.Do("current", func() (any, error) {
		v, err := c.db.user(context.Background(), "current")
		c.last = v
		return v, err
	})
	return v, err
}

// By those who call it.
func (c *cached) fetch(id string) (any, error) {
	v, err, _ := c.g.Do(id, func() (any, error) { return c.db.user(context.Background(), id) })
	return v, err
}

func (c *cached) lookup(id string) (any, error) {
	if v, ok := c.rows[id]; ok {
		return v, nil
	}
	return c.fetch(id)
}

// By a function that the load calls.
func (c *cached) file(name string) (any, error) {
	v, err, _ := c.g.Do(name, func() (any, error) { return name, download(name) })
	return v, err
}

func download(name string) error { return os.WriteFile(name, nil, 0o600) }

// A refresh: nobody looks at the result, so it must go somewhere.
func (c *cached) refresh(id string) {
	c.g.Do(id, func() (any, error) { return nil, reload(id) })
}

func reload(id string) error { return nil }

// What cannot be seen may keep it.
func (c *cached) opaque(id string, load func() (any, error)) (any, error) {
	v, err, _ := c.g.Do(id, load)
	return v, err
}
