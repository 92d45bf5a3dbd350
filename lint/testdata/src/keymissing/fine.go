package keymissing

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"hash/fnv"
	"io"
	"log"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/onefold-go/onefold"
	"golang.org/x/sync/singleflight"
)

// All that the load uses is in the key: joined, formatted, hashed, encoded.
func (s *store) inKey(tenant, id string, limit int) (any, error) {
	v, err, _ := s.g.Do(tenant+"/"+id, func() (any, error) { return s.db.Page(background, tenant, id) })
	if err != nil {
		v, err, _ = s.g.Do(fmt.Sprintf("%s/%s/%d", tenant, id, limit), func() (any, error) {
			return s.db.List(background, id, limit, []string{tenant})
		})
	}
	return v, err
}

func (s *store) hashed(o Options) (any, error) {
	h := fnv.New64()
	fmt.Fprintf(h, "%+v", o)
	v, err, _ := s.g.Do(string(h.Sum(nil)), func() (any, error) { return open(&o) })
	return v, err
}

// A hash that a function gave is written to.
func sumOf(tenant, id string) string {
	h := fnv.New64a()
	h.Write([]byte(tenant))
	h.Write([]byte{0})
	h.Write([]byte(id))
	return fmt.Sprintf("%x", h.Sum64())
}

func (s *store) summed(tenant, id string) (any, error) {
	key := sumOf(tenant, id)
	v, err, _ := s.g.Do(key, func() (any, error) { return s.db.Page(background, tenant, id) })
	return v, err
}

func (s *store) built(tenant, id string) (any, error) {
	var b strings.Builder
	b.WriteString(tenant)
	b.WriteByte(0)
	b.WriteString(id)
	v, err, _ := s.g.Do(b.String(), func() (any, error) { return s.db.Page(background, tenant, id) })
	return v, err
}

// A function of the package makes the key.
func (s *store) keyOf(tenant, id string) string { return strings.Join([]string{tenant, id}, ":") }

func (s *store) made2(tenant, id string) (any, error) {
	v, err, _ := s.g.Do(s.keyOf(tenant, id), func() (any, error) { return s.db.Page(background, tenant, id) })
	return v, err
}

// A method of the value makes the key: its author knew what is in it.
func (o *Options) String() string { return o.Name + o.Password }

func (s *store) ownKey(o *Options) (any, error) {
	v, err, _ := s.g.Do(o.String(), func() (any, error) { return open(o) })
	return v, err
}

// The key is the value.
func (s *store) scoped(ctx context.Context, tenant, id string) (string, error) {
	var g onefold.Group[[2]string, string]
	return g.Do(ctx, [2]string{tenant, id}, func(ctx context.Context, k [2]string) (string, error) {
		return s.db.Page(ctx, tenant, id)
	})
}

// The flag chooses the key.
func (s *store) chosen(id string, force bool) (any, error) {
	key := id
	if force {
		key = "force:" + id
	}
	v, err, _ := s.g.Do(key, func() (any, error) { return s.db.Find(background, id, force) })
	return v, err
}

// What is only logged, or told in an error, changes nothing for the others.
func (s *store) logged(id, user string, debug bool) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) {
		if debug {
			log.Print("loads for ", user)
		}
		v, err := s.db.Find(background, id, false)
		if err != nil {
			return nil, fmt.Errorf("for %s: %w", user, err)
		}
		return v, nil
	})
	return v, err
}

// Whatever else a caller's own is: its context, its limits, its logger.
func (s *store) how(ctx context.Context, log *log.Logger, id string, timeout time.Duration, retries int) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
		defer cancel()
		log.Print("loads")
		var err error
		for range retries {
			var v string
			if v, err = s.db.Find(ctx, id, false); err == nil {
				return v, nil
			}
		}
		return nil, err
	})
	return v, err
}

// The store's own fields are the same for all who share its group.
func (s *store) field(id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) { return s.db.Page(background, s.region, id) })
	return v, err
}

// It is made of what is in the key.
func (s *store) derived(id string) (any, error) {
	path := "/pages/" + strings.ToLower(id)
	v, err, _ := s.g.Do(id, func() (any, error) { return s.db.Find(background, path, false) })
	return v, err
}

// The only caller passes a function of the key, and the same flag always.
func (s *store) caller(id string) (any, error) { return s.called(id, strings.ToUpper(id), true) }

func (s *store) called(id, upper string, fresh bool) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) { return s.db.Find(background, upper, fresh) })
	return v, err
}

var errTooLarge = errors.New("too large")

// The caller looks at what it got, with what it asked for.
func (s *store) checked(id string, most int) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) { return s.db.List(background, id, most, nil) })
	if err == nil && len(v.(string)) > most {
		return nil, errTooLarge
	}
	return v, err
}

// A group is made with the configuration that its loads use.
func pages(db database, lang string) func(id string) (any, error) {
	var g singleflight.Group
	return func(id string) (any, error) {
		v, err, _ := g.Do(id, func() (any, error) { return db.Page(background, lang, id) })
		return v, err
	}
}

// So is a handler.
func (s *store) serve(lang string) gin.HandlerFunc {
	return gin.HandlerFunc(func(c *gin.Context) {
		id := c.Param("id")
		v, err, _ := s.g.Do(id, func() (any, error) { return s.db.Page(background, lang, id) })
		c.JSON(200, []any{v, err})
	})
}

// And one that a router is given.
func (s *store) routes(e *gin.Engine, lang string) {
	e.GET("/pages", func(c *gin.Context) {
		id := c.Param("id")
		v, err, _ := s.g.Do(id, func() (any, error) { return s.db.Page(background, lang, id) })
		c.JSON(200, []any{v, err})
	})
}

// And a loader: its load is given the key.
func loader(db database, lang string) (*onefold.Loader[string, string], error) {
	return onefold.NewLoader(func(ctx context.Context, id string) (string, error) {
		return db.Page(ctx, lang, id)
	}, onefold.Config{})
}

// A thing that its id names: the name comes with the id.
type product struct {
	ID   string
	Name string
}

func (s *store) entity(p *product) (any, error) {
	v, err, _ := s.g.Do(p.ID, func() (any, error) { return s.db.Find(background, p.ID+p.Name, false) })
	return v, err
}

// The digest says what it is, and the mirror where to get it.
func (s *store) content(mirror, digest string) (any, error) {
	v, err, _ := s.g.Do(digest, func() (any, error) { return s.db.Page(background, mirror, digest) })
	return v, err
}

// Whoever calls it makes the key.
func (s *store) Keyed(key, tenant, id string) (any, error) {
	v, err, _ := s.g.Do(key, func() (any, error) { return s.db.Page(background, tenant, id) })
	return v, err
}

// The request's id and the time of asking are not what is asked.
func (s *store) when(id, requestID string, now time.Time) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) { return s.db.List(background, id, now.Year(), []string{requestID}) })
	return v, err
}

// Where it is shared, the flag has one value only.
func (s *store) bypassed(id, lang string, force bool) (any, error) {
	if force || lang != "en" {
		return s.db.Page(background, lang, id)
	}
	v, err, _ := s.g.Do(id, func() (any, error) {
		if force {
			return s.db.Find(background, id, true)
		}
		return s.db.Page(background, lang, id)
	})
	return v, err
}

// The id names the block, wherever it is.
func (s *store) block(id, dir string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) { return s.db.Page(background, dir, id) })
	return v, err
}

// A connection is there for one address.
type conn struct {
	g  singleflight.Group
	db database
}

func (c *conn) dial(addresses []string) (any, error) {
	v, err, _ := c.g.Do("dial", func() (any, error) { return c.db.List(background, "", 0, addresses) })
	return v, err
}

// All flights of a group that one call makes have that call's tenant.
func (s *store) all(tenant string, ids []string) {
	var g singleflight.Group
	for _, id := range ids {
		go g.Do(id, func() (any, error) { return s.db.Page(background, tenant, id) })
	}
}

// The callers read it off the clock.
func (s *store) sign(id string, now time.Time) (any, error) { return s.signed(id, now.Unix()+3600) }

func (s *store) signed(id string, until int64) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) { return s.db.List(background, id, int(until), nil) })
	return v, err
}

// What the group is a field of is the same for all its callers, receiver or not;
// a limit is set up once.
type listing struct {
	g      singleflight.Group
	tenant string
	hidden bool
	db     interface {
		List(ctx context.Context, id string, limit int, tags []string) (string, error)
	}
}

func ensure(l *listing, id string, maxEntries int) error {
	ch := l.g.DoChan(id, func() (any, error) {
		if l.hidden {
			return nil, errors.New("hidden")
		}
		return l.db.List(background, id, maxEntries, []string{l.tenant})
	})
	return (<-ch).Err
}

type tenancy struct {
	g      *singleflight.Group
	tenant string
}

func within(l *tenancy, s *store, id string) (any, error) {
	v, err, _ := l.g.Do(id, func() (any, error) { return s.db.Page(background, l.tenant, id) })
	return v, err
}

func (s *store) signNow(id string) (any, error) { return s.signed(id, time.Now().UTC().Unix()) }

// The digest of the records is the key: what signs them is not what they are.
func (s *store) signature(records []string, signer string) (any, error) {
	v, err, _ := s.g.Do(sum(records), func() (any, error) { return s.db.List(background, signer, 0, records) })
	return v, err
}

func sum(records []string) string {
	h := fnv.New64()
	for _, r := range records {
		h.Write([]byte(r))
	}
	return string(h.Sum(nil))
}

// How much of it is held in memory does not change what it is.
func (s *store) sampled(id string, offsetsSampling int) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) { return s.db.List(background, id, offsetsSampling, nil) })
	return v, err
}

// The hash is out of a pool, and what is written to it goes by a function.
func (s *store) pooled(pool *sync.Pool, tenants []string, token string) (any, error) {
	v, err, _ := s.g.Do(pooledKey(pool, tenants, token), func() (any, error) { return s.db.List(background, token, 0, tenants) })
	return v, err
}

func pooledKey(pool *sync.Pool, tenants []string, token string) string {
	h := pool.Get().(hash.Hash)
	defer pool.Put(h)
	h.Reset()
	writeText(h, token)
	for _, t := range tenants {
		writeText(h, t)
	}
	return string(h.Sum(nil))
}

func writeText(w io.Writer, text string) {
	w.Write([]byte{byte(len(text))})
	w.Write([]byte(text))
}

// Where it is asked for follows from what it is, which the key names.
func (s *store) askedAt(regionID uint64, addr string) (any, error) {
	v, err, _ := s.g.Do(strconv.FormatUint(regionID, 10), func() (any, error) { return s.db.Page(background, addr, strconv.FormatUint(regionID, 10)) })
	return v, err
}
