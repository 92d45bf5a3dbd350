package main

import (
	"context"
	"time"
)

// capacity is how many entries a near cache may hold: all keys of any task.
const capacity = 10_000

// A contender is one way to share loads between processes.
type contender struct {
	name   string // as the tables have it, and for -only
	how    string // how it is used here, for the page
	engine *engine
	only   []task // nil: all that it can do
	leases bool   // processes wait for the one that loads

	// sent gives how many of the commands that the server did came over a
	// connection, and not from a script. Nil: all.
	sent func(calls map[string]int64) int64

	open func(setting) (opened, error)
}

func (c contender) does(t task) bool {
	if c.only == nil {
		return t.kind == steady || c.leases
	}
	for _, one := range c.only {
		if one.Name == t.Name {
			return true
		}
	}
	return false
}

// A setting is what a contender is opened with, in each process.
type setting struct {
	addr  string // of the server
	ttl   time.Duration
	lease time.Duration // 0: the library's own

	callers int // in this process
	load    func(ctx context.Context, key string) (string, error)
}

// A getFunc asks for a key and gives when its value was made.
type getFunc func(ctx context.Context, key string) (made int64, err error)

// An opened contender answers callers.
type opened struct {
	get   getFunc
	close func() error // nil: nothing to end
}

// contenders stand in the order of the tables.
var contenders = []contender{
	onefoldRedis,
	onefoldRedisEarly,
	rueidisAside,
	doCache,
	sturdycStorage,
	goRedisCache,
	redsyncLock,
	plainRedis,

	onefoldMemcached,
	onefoldMemcachedEarly,
	plainSameClient,
	gomemcache,
}

func contenderNamed(engine, name string) (contender, bool) {
	for _, c := range contenders {
		if c.name == name && c.engine.name == engine {
			return c, true
		}
	}
	return contender{}, false
}

// twoInEachScript is sent where each script runs two commands.
func twoInEachScript(calls map[string]int64) int64 {
	return sum(calls) - 2*calls["evalsha"] - 2*calls["eval"]
}

func sum(calls map[string]int64) (n int64) {
	for _, c := range calls {
		n += c
	}
	return n
}
