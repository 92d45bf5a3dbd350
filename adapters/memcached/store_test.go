package memcached_test

import (
	"errors"
	"testing"
	"time"

	"github.com/onefold-go/onefold/adapters/memcached"
	"github.com/onefold-go/onefold/foldtest"
	"github.com/onefold-go/onefold/internal/server"
	"github.com/onefold-go/onefold/tier"
)

// start starts a memcached that ends with the test.
func start(t testing.TB, args ...string) *server.Server {
	t.Helper()
	s, err := server.Memcached(args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.Kill(), s.Stop()); err != nil { // a memcached takes a second to end by itself
			t.Error(err)
		}
	})
	return s
}

// open makes a store that is closed with the test.
func open(t testing.TB, cfg memcached.Config) *memcached.Store {
	t.Helper()
	s, err := memcached.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

var all = foldtest.Abilities{Leaser: true, Renewer: true, Setter: true, Batcher: true, Tagger: true}

func TestStore(t *testing.T) {
	server := start(t)
	foldtest.TestStore(t, func(t *testing.T) tier.Store {
		return open(t, memcached.Config{Servers: []string{server.Addr}, Prefix: "test:"})
	}, foldtest.StoreOptions{Require: all, ShortTTL: 100 * time.Millisecond})
}
