package keymissing

import (
	"context"
	"fmt"
	"strconv"

	"github.com/gin-gonic/gin"
	"github.com/onefold-go/onefold"
	"golang.org/x/sync/singleflight"
	resenje "resenje.org/singleflight"
)

type store struct {
	g      singleflight.Group
	own    resenje.Group[string, string]
	one    onefold.Group[string, string]
	byID   onefold.Group[int64, string]
	db     database
	region string
}

type database interface {
	Page(ctx context.Context, tenant, id string) (string, error)
	Find(ctx context.Context, id string, fresh bool) (string, error)
	List(ctx context.Context, id string, limit int, tags []string) (string, error)
	Save(ctx context.Context, id string, data []byte) error
}

var background = context.Background()

// Another tenant's page: the leak that this rule is for.
func (s *store) tenant(tenant, id string) (any, error) {
	v, err, _ := s.g.Do("page:"+id, func() (any, error) { // want `callers who differ only in tenant share this load`
		return s.db.Page(background, tenant, id)
	})
	return v, err
}

// A flag that asks for more than the cache has is answered from a load without.
func (s *store) forced(id string, force bool) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) { // want `callers who differ only in force share this load`
		if !force {
			if v, err := s.db.Find(background, id, false); err == nil {
				return v, nil
			}
		}
		return s.db.Find(background, id, true)
	})
	return v, err
}

// Options holds one caller's wishes.
type Options struct {
	Name     string
	Password string
	Depth    int
	Tags     []string
}

// Part of a struct is in the key, and the password that opens it is not.
func (s *store) partly(o *Options) (any, error) {
	key := fmt.Sprintf("archive/%s/%d", o.Name, o.Depth)
	v, err, _ := s.g.Do(key, func() (any, error) { // want `callers who differ only in o.Password share this load`
		return open(o)
	})
	return v, err
}

func open(o *Options) (string, error) { return unzip(o.Name, o.Password, o.Depth) }

func unzip(name, password string, depth int) (string, error) {
	v, ok := archives.find(name+"\x00"+password, depth)
	if !ok {
		return "", fmt.Errorf("no archive %s", name)
	}
	return v, nil
}

var archives index

type index interface {
	find(name string, depth int) (string, bool)
}

// The key is a constant, and what it loads is not.
func (s *store) constant(lang string) (any, error) {
	v, err, _ := s.g.Do("menu", func() (any, error) { return s.db.Find(background, "menu/"+lang, false) }) // want `whatever their lang, and get what it loads`
	return v, err
}

// A handler whose answer depends on a header.
func (s *store) handler(c *gin.Context) {
	id := c.Param("id")
	tenant := c.GetHeader("X-Tenant")
	v, err, _ := s.g.Do(id, func() (any, error) { // want `callers who differ only in tenant share this load`
		return s.db.Page(background, tenant, id)
	})
	c.JSON(200, []any{v, err})
}

type tenantKey struct{}

// TenantFrom is who is asking.
func TenantFrom(ctx context.Context) string { t, _ := ctx.Value(tenantKey{}).(string); return t }

// The tenant comes with the context.
func (s *store) fromContext(ctx context.Context, id string) (string, error) {
	tenant := TenantFrom(ctx)
	v, _, err := s.own.Do(ctx, id, func(ctx context.Context) (string, error) { // want `callers who differ only in tenant share this load`
		return s.db.Page(ctx, tenant, id)
	})
	return v, err
}

// A load reads it out of the context that it is given, which is its first
// caller's in this.
func (s *store) inContext(ctx context.Context, id string) (string, error) {
	return s.one.Do(ctx, id, s.pageOf) // want `callers who differ only in ctx.Value\(keymissing.tenantKey\) share this load`
}

func (s *store) pageOf(ctx context.Context, id string) (string, error) {
	return s.db.Page(ctx, TenantFrom(ctx), id)
}

// What the load captures beside the key that it is given.
func (s *store) captured(ctx context.Context, id int64, locale string) (string, error) {
	return s.byID.Do(ctx, id, func(ctx context.Context, id int64) (string, error) { // want `callers who differ only in locale share this load`
		return s.db.Page(ctx, locale, strconv.FormatInt(id, 10))
	})
}

// A method of a value that a caller brings.
type view struct {
	db   database
	user string
}

func (v view) page(ctx context.Context, id string) (string, error) { return v.db.Page(ctx, v.user, id) }

func (s *store) method(ctx context.Context, id, user string) (string, error) {
	return s.one.Do(ctx, id, view{s.db, user}.page) // want `callers who differ only in user share this load`
}

// The load is made elsewhere.
func (s *store) made(id string, groups ...string) (any, error) {
	v, err, _ := s.g.Do(id, s.policies(id, groups)) // want `callers who differ only in groups share this load`
	return v, err
}

func (s *store) policies(id string, groups []string) func() (any, error) {
	return func() (any, error) { return s.db.List(background, id, 10, groups) }
}

// The load is a variable that calls another one.
func (s *store) variable(id string, limit int) (any, error) {
	list := func() (string, error) { return s.db.List(background, id, limit, nil) }
	v, err, _ := s.g.Do(id, func() (any, error) { return list() }) // want `callers who differ only in limit share this load`
	return v, err
}

// One caller's data is written for all.
func (s *store) write(id string, data []byte) error {
	_, err, _ := s.g.Do(id, func() (any, error) { return nil, s.db.Save(background, id, data) }) // want `callers who differ only in data share this load`
	return err
}

// Two callers of the package pass two constants.
func (s *store) full(id string) (any, error)  { return s.withDetail(id, "full") }
func (s *store) brief(id string) (any, error) { return s.withDetail(id, "brief") }

func (s *store) withDetail(id, detail string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) { return s.db.Page(background, detail, id) }) // want `callers who differ only in detail share this load`
	return v, err
}

// A wrapper's callers are sites.
func (s *store) load(key string, fn func() (any, error)) (any, error) {
	v, err, _ := s.g.Do("w:"+key, fn)
	return v, err
}

func (s *store) viaWrapper(id, token string) (any, error) {
	return s.load(id, func() (any, error) { return s.db.Page(background, token, id) }) // want `callers who differ only in token share this load`
}

// The key is formatted, and lacks a number.
func (s *store) page(tenant, id string, page int) (any, error) {
	v, err, _ := s.g.Do(fmt.Sprintf("%s/%s", tenant, id), func() (any, error) { // want `callers who differ only in page share this load`
		return s.db.List(background, id, page, []string{tenant})
	})
	return v, err
}

// The digest of the query does not say whose answer it is.
func (s *store) digested(queries []string, tenant string) (any, error) {
	v, err, _ := s.g.Do(sum(queries), func() (any, error) { // want `callers who differ only in tenant share this load`
		return s.db.List(background, tenant, 0, queries)
	})
	return v, err
}

// The group is a field of a field: what is on the way to it is the caller's own.
type asked struct {
	by     *store
	tenant string
}

func answer(a asked, id string) (any, error) {
	v, err, _ := a.by.g.Do(id, func() (any, error) { return a.by.db.Page(background, a.tenant, id) }) // want `callers who differ only in a.tenant share this load`
	return v, err
}

// The load is made before, as it is called without the group too.
func (s *store) grants(name string, groups ...string) (any, error) {
	load := func() (string, error) {
		own, err := s.db.List(background, name, 0, nil)
		if err != nil {
			return "", err
		}
		given, err := s.db.List(background, name, 0, groups)
		return own + given, err
	}
	if name == "root" {
		return load()
	}
	v, err, _ := s.g.Do(name, func() (any, error) { return load() }) // want `callers who differ only in groups share this load`
	return v, err
}

// Where a caller is tells who asks, whatever the key names.
func (s *store) askedBy(pageID, clientAddr string) (any, error) {
	v, err, _ := s.g.Do(pageID, func() (any, error) { return s.db.Page(background, clientAddr, pageID) }) // want `callers who differ only in clientAddr`
	return v, err
}
