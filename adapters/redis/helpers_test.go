package redis_test

import (
	"testing"

	"github.com/onefold-go/onefold/adapters/redis"
	"github.com/onefold-go/onefold/internal/server"
)

// startRedis starts a server for one test.
func startRedis(t testing.TB, args ...string) *server.Server {
	t.Helper()
	s, err := server.Redis(args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// open makes a process's store, closed with the test.
func open(t testing.TB, url string, o redis.Options) *redis.Store {
	t.Helper()
	s, err := redis.Open(url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}
