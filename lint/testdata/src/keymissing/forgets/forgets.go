// Package forgets has no fix: what forgets a key would have to change along.
package forgets

import "golang.org/x/sync/singleflight"

var (
	g  singleflight.Group
	db interface {
		Page(tenant, id string) (string, error)
	}
)

func page(tenant, id string) (any, error) {
	v, err, _ := g.Do(id, func() (any, error) { return db.Page(tenant, id) }) // want `callers who differ only in tenant share this load`
	return v, err
}

func changed(id string) { g.Forget(id) }
