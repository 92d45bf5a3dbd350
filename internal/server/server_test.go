package server_test

import (
	"net"
	"strings"
	"testing"

	"github.com/onefold-go/onefold/internal/server"
)

func TestLifeOfAServer(t *testing.T) {
	for name, start := range map[string]func(...string) (*server.Server, error){"redis": server.Redis, "memcached": server.Memcached} {
		t.Run(name, func(t *testing.T) {
			s, err := start()
			if err != nil {
				t.Fatal(err)
			}
			addr := s.Addr
			for _, step := range []func() error{s.Kill, s.Start, s.Pause, s.Resume} {
				if err := step(); err != nil {
					t.Fatal(err)
				}
			}
			if s.Addr != addr {
				t.Errorf("after a restart it is at %s, want %s", s.Addr, addr)
			}
			if err := s.Pause(); err != nil {
				t.Fatal(err)
			}
			if err := s.Stop(); err != nil {
				t.Fatal(err)
			}
			if conn, err := net.Dial("tcp", addr); err == nil {
				t.Errorf("somebody is at %v after Stop", conn.RemoteAddr())
			}
		})
	}
}

func TestServerThatCannotStart(t *testing.T) {
	if _, err := server.Redis("--no-such-argument", "1"); err == nil || !strings.Contains(err.Error(), "ended at its start") {
		t.Errorf("Redis = %v, want that it ended at its start", err)
	}
}
