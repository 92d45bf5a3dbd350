package direct

import (
	"context"
	"net/http"
	"sync"

	"github.com/onefold-go/onefold"
	resenje "resenje.org/singleflight"
	"sites/hidden"
	tailscale "tailscale.com/util/singleflight"

	"golang.org/x/sync/singleflight"
)

type db struct{}

func (*db) load() (any, error)                                  { return nil, nil }
func (*db) byID(ctx context.Context, id string) (string, error) { return id, nil }
func fetch() (any, error)                                       { return nil, nil }
func make1() func() (any, error)                                { return func() (any, error) { return 1, nil } }
func make2(a bool) func() (any, error) {
	if a {
		return func() (any, error) { return 1, nil }
	}
	return func() (any, error) { return 2, nil }
}

var shared singleflight.Group

type store struct {
	singleflight.Group
	own   singleflight.Group
	ptr   *singleflight.Group
	by    map[string]*singleflight.Group
	gen   tailscale.Group[int, string]
	res   resenje.Group[string, string]
	one   onefold.Group[string, string]
	db    *db
	once  sync.Once
	cl    http.Client
	given func() (any, error)
}

func (s *store) get(ctx context.Context, id string, n int) {
	shared.Do(id, func() (any, error) { return nil, nil }) // want `singleflight.Group.Do: group shared, load literal, plain`
	s.Do(id, fetch)                                        // want `singleflight.Group.Do: group Group, load fetch, plain`
	s.own.Do(id, s.db.load)                                // want `singleflight.Group.Do: group own, load load, plain`
	s.ptr.DoChan(id, make1())                              // want `singleflight.Group.DoChan: group ptr, load literal, plain`
	s.by[id].Do(id, make2(n > 1))                          // want `singleflight.Group.Do: group none, load opaque, plain`
	fn := func() (any, error) { return id, nil }
	s.own.Do(id, fn)      // want `singleflight.Group.Do: group own, load literal, plain`
	s.own.Do(id, s.given) // want `singleflight.Group.Do: group own, load opaque, plain`

	s.gen.Do(n, func() (string, error) { return id, nil })                                    // want `singleflight.Group.Do: group gen, load literal, plain`
	s.gen.DoChanContext(ctx, n, func(ctx context.Context) (string, error) { return id, nil }) // want `singleflight.Group.DoChanContext: group gen, load literal, passing detached`
	s.res.Do(ctx, id, func(ctx context.Context) (string, error) { return id, nil })           // want `singleflight.Group.Do: group res, load literal, passing detached`
	s.one.Do(ctx, id, s.db.byID)                                                              // want `onefold.Group.Do: group one, load byID, passing detached`
	s.one.DoResult(ctx, id, s.db.byID, onefold.Call{})                                        // want `onefold.Group.DoResult: group one, load byID, passing detached`
	onefold.NewLoader(s.db.byID, onefold.Config{})                                            // want `onefold.NewLoader: group none, load byID, passing detached`

	s.once.Do(func() {})
	req, _ := http.NewRequest("GET", "/", nil)
	s.cl.Do(req)
}

// A copy of the pattern, known by its shape and name alone.
type flightGroup interface {
	Do(key string, fn func() (interface{}, error)) (interface{}, error)
}

func (s *store) viaInterface(g flightGroup) {
	g.Do("k", fetch) // want `direct.flightGroup.Do: group g, load fetch, plain`
}

// A copy that is called neither: the calls in it that others wait for tell.
func viaCalls(g *hidden.Group[int, string]) {
	g.Do(1, func() (string, error) { return "", nil }) // want `hidden.Group.Do: group g, load literal, plain`
}

// Shaped alike and called otherwise: no group.
func noneOfCalls(p *hidden.Pool) { p.Do("k", fetch) }

type worker struct{}

func (worker) Do(key string, fn func() (any, error)) (any, error) { return fn() }

func notOne(w worker) { w.Do("k", fetch) }
