package server_test

import (
	"net"
	"testing"

	"github.com/onefold-go/onefold/internal/server"
)

func TestLifeOfACluster(t *testing.T) {
	c, err := server.RedisCluster(3, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Addrs()) != 4 {
		t.Errorf("it has servers at %q, want 4", c.Addrs())
	}
	if err := c.Masters[0].Kill(); err != nil {
		t.Fatal(err)
	}
	if err := c.Failover(0); err != nil {
		t.Fatal(err)
	}
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	wantNobody(t, c.Addrs()...)
}

func TestLifeOfASentinel(t *testing.T) {
	s, err := server.RedisSentinel()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	wantNobody(t, s.Master.Addr, s.Replica.Addr, s.Sentinel.Addr)
}

func TestGroupsThatCannotStart(t *testing.T) {
	if _, err := server.RedisCluster(1, 0, "--no-such-argument", "1"); err == nil {
		t.Errorf("RedisCluster with a wrong argument: no error, want one")
	}
	if _, err := server.RedisSentinel("--no-such-argument", "1"); err == nil {
		t.Errorf("RedisSentinel with a wrong argument: no error, want one")
	}
}

func wantNobody(t *testing.T, addrs ...string) {
	t.Helper()
	for _, addr := range addrs {
		if conn, err := net.Dial("tcp", addr); err == nil {
			t.Errorf("somebody is at %v after Stop", conn.RemoteAddr())
		}
	}
}
