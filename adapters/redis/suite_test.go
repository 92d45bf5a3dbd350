package redis_test

import (
	"testing"

	"github.com/onefold-go/onefold/adapters/redis"
	"github.com/onefold-go/onefold/foldtest"
	"github.com/onefold-go/onefold/tier"
)

var everything = foldtest.Abilities{Leaser: true, Renewer: true, Setter: true, Batcher: true, Notifier: true, Tagger: true}

// SPEC: R14, R16, R19, X02, X03, X10, X11, N13
func TestStoreOnOneServer(t *testing.T) {
	s := startRedis(t)
	foldtest.TestStore(t, func(t *testing.T) tier.Store {
		return open(t, "redis://"+s.Addr, redis.Options{})
	}, foldtest.StoreOptions{Require: everything})
}
