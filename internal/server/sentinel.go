package server

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// MasterSet is what the sentinel of [RedisSentinel] calls the master.
const MasterSet = "mymaster"

// A Sentinel is a master, its replica, and the sentinel that lets the replica
// take over when the master is dead.
type Sentinel struct {
	Master, Replica *Server // at first
	Sentinel        *Server
}

// RedisSentinel starts a master, a replica that is in step, and a sentinel that
// knows both. args are more arguments of the two servers.
func RedisSentinel(args ...string) (s *Sentinel, err error) {
	s = &Sentinel{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Stop())
		}
	}()
	if s.Master, err = Redis(append([]string{"--repl-diskless-sync-delay", "0"}, args...)...); err != nil {
		return s, err
	}
	masterHost, masterPort, err := net.SplitHostPort(s.Master.Addr)
	if err != nil {
		return s, err
	}
	if s.Replica, err = Redis(append([]string{"--replicaof", masterHost, masterPort, "--repl-diskless-sync-delay", "0"}, args...)...); err != nil {
		return s, err
	}
	if err := s.Replica.until(replicates, "INFO", "replication"); err != nil {
		return s, err
	}
	s.Sentinel, err = start(kind{
		program: "redis-server",
		install: "redis-server",
		args: func(host, port, dir string) []string {
			// A sentinel keeps what it learns in the file that it is given.
			file := filepath.Join(dir, "sentinel.conf")
			conf := fmt.Sprintf("bind %s\nport %s\ndir %s\n"+
				"sentinel monitor %s %s %s 1\nsentinel down-after-milliseconds %[4]s 300\nsentinel failover-timeout %[4]s 2000\n",
				host, port, dir, MasterSet, masterHost, masterPort)
			_ = os.WriteFile(file, []byte(conf), 0o644) // else it says what it misses
			return []string{file, "--sentinel"}
		},
		ask:     "PING\r\n",
		answers: []string{"+PONG"},
	}, nil)
	if err != nil {
		return s, err
	}
	return s, s.Sentinel.until(func(a string) bool { return strings.Contains(a, "slaves=1") }, "INFO", "sentinel")
}

// Stop ends all three.
func (s *Sentinel) Stop() error {
	var errs []error
	for _, one := range []*Server{s.Sentinel, s.Replica, s.Master} {
		if one != nil {
			errs = append(errs, one.Stop())
		}
	}
	return errors.Join(errs...)
}
