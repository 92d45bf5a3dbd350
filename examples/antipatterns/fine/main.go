//go:build antipatterns

// Command fine has what looks like a mistake and is none. No rule finds anything
// here.
package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"sync"
	"time"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/singleflight"
)

const loadTimeout = time.Second

type tree struct {
	group singleflight.Group
	cache sync.Map
}

// dir asks its own group in the load, for its parent: another key, and there is
// an end to it.
func (t *tree) dir(name string) (any, error) {
	if v, ok := t.cache.Load(name); ok {
		return v, nil
	}
	v, err, _ := t.group.Do(name, func() (any, error) {
		depth := 0
		if name != "/" {
			parent, err := t.dir(path.Dir(name))
			if err != nil {
				return nil, err
			}
			depth = parent.(int) + 1
		}
		t.cache.Store(name, depth)
		return depth, nil
	})
	return v, err
}

// flights is copied by value, and its group is not: all copies have the same.
type flights struct {
	group *singleflight.Group
	cache *sync.Map
}

func (f flights) name(id string) (any, error) {
	v, err, _ := f.group.Do(id, func() (any, error) {
		name := "name of " + id
		f.cache.Store(id, name)
		return name, nil
	})
	return v, err
}

type users struct {
	group singleflight.Group
	own   onefold.Group[string, string]
	cache sync.Map
}

// detached drops the caller's cancellation outside the literal, and the load is
// in a variable.
func (u *users) detached(ctx context.Context, id string) (any, error) {
	loadCtx := context.WithoutCancel(ctx)
	load := func() (any, error) {
		ctx, cancel := context.WithTimeout(loadCtx, loadTimeout)
		defer cancel()
		return u.query(ctx, id)
	}
	v, err, _ := u.group.Do(id, load)
	return v, err
}

// shadowed has two contexts of one name: the load's is its own.
func (u *users) shadowed(ctx context.Context, id string) (string, error) {
	return u.own.Do(ctx, id, func(ctx context.Context, id string) (string, error) {
		return u.query(ctx, id)
	})
}

// An outcome carries the error beside the value: the value is always one.
type outcome struct {
	user string
	err  error
}

func (u *users) carried(id string) (string, error) {
	v, _, _ := u.group.Do("carried/"+id, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.Background(), loadTimeout)
		defer cancel()
		user, err := u.query(ctx, id)
		return outcome{user, err}, nil
	})
	o := v.(outcome)
	return o.user, o.err
}

// invalidate forgets the key for a reason: what it stands for has changed.
func (u *users) invalidate(id string) {
	u.cache.Delete(id)
	u.group.Forget(id)
}

func (u *users) query(ctx context.Context, id string) (string, error) {
	if id == "" {
		return "", errors.New("no user without an ID")
	}
	if v, ok := u.cache.Load(id); ok {
		return v.(string), ctx.Err()
	}
	u.cache.Store(id, "user "+id)
	return "user " + id, ctx.Err()
}

func main() {
	var (
		t   tree
		g   singleflight.Group
		c   sync.Map
		u   users
		ctx = context.Background()
	)
	fmt.Println(t.dir("/home/ada/notes"))
	fmt.Println(flights{&g, &c}.name("ada"))
	fmt.Println(u.detached(ctx, "ada"))
	u.invalidate("ada")
	fmt.Println(u.shadowed(ctx, "ada"))
	fmt.Println(u.carried("ada"))
}
