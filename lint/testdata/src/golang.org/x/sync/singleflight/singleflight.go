// Package singleflight has the signatures of the real one.
package singleflight

type Group struct{ m map[string]int }

type Result struct {
	Val    interface{}
	Err    error
	Shared bool
}

func (g *Group) Do(key string, fn func() (interface{}, error)) (v interface{}, err error, shared bool) {
	v, err = fn()
	return v, err, false
}

func (g *Group) DoChan(key string, fn func() (interface{}, error)) <-chan Result { return nil }

func (g *Group) Forget(key string) {}
