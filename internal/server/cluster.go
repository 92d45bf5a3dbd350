package server

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

const slots = 1 << 14

// A Cluster is a Redis Cluster.
type Cluster struct {
	Masters  []*Server // each with the same share of the slots, at first
	Replicas []*Server // the first is of the first master, and so on, around and around

	args  []string
	buses map[*Server]string // the ports on which they speak to each other
}

// RedisCluster starts a Cluster that serves all slots, and whose replicas are in
// step. args are more arguments of each server.
func RedisCluster(masters, replicas int, args ...string) (c *Cluster, err error) {
	c = &Cluster{}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Stop())
		}
	}()
	c.args, c.buses = args, make(map[*Server]string)
	for i := range masters + replicas {
		s, err := c.start()
		if err != nil {
			return c, err
		}
		if i < masters {
			c.Masters = append(c.Masters, s)
		} else {
			c.Replicas = append(c.Replicas, s)
		}
	}
	for i, m := range c.Masters {
		from, to := slots*i/masters, slots*(i+1)/masters-1
		if _, err := m.ask("CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1)); err != nil {
			return c, err
		}
		if _, err := m.ask("CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(from), strconv.Itoa(to)); err != nil {
			return c, err
		}
	}
	for _, s := range c.all()[1:] {
		if err := c.meet(s); err != nil {
			return c, err
		}
	}
	if err := c.agree(); err != nil {
		return c, err
	}
	for i, r := range c.Replicas {
		id, err := c.Masters[i%masters].ask("CLUSTER", "MYID")
		if err != nil {
			return c, err
		}
		if _, err := r.ask("CLUSTER", "REPLICATE", id); err != nil {
			return c, err
		}
	}
	return c, c.inStep()
}

// start starts a server that knows no other.
func (c *Cluster) start() (*Server, error) {
	bus, err := freeAddr()
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(bus)
	if err != nil {
		return nil, err
	}
	s, err := Redis(append([]string{
		"--cluster-enabled", "yes", "--cluster-port", port, "--cluster-node-timeout", "1000",
		"--cluster-allow-replica-migration", "no", "--repl-diskless-sync-delay", "0",
	}, c.args...)...)
	if err == nil {
		c.buses[s] = port
	}
	return s, err
}

func (c *Cluster) meet(s *Server) error {
	host, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return err
	}
	_, err = c.Masters[0].ask("CLUSTER", "MEET", host, port, c.buses[s])
	return err
}

// agree waits until all know all, and that all slots are served.
func (c *Cluster) agree() error {
	known := fmt.Sprintf("cluster_known_nodes:%d", len(c.all()))
	for _, s := range c.all() {
		if err := s.until(func(a string) bool {
			return strings.Contains(a, "cluster_state:ok") && strings.Contains(a, known)
		}, "CLUSTER", "INFO"); err != nil {
			return err
		}
	}
	return nil
}

// Join starts one more master, which has no slots yet.
func (c *Cluster) Join() (*Server, error) {
	s, err := c.start()
	if err != nil {
		return nil, err
	}
	if err := c.meet(s); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	c.Masters = append(c.Masters, s)
	return s, c.agree()
}

// Move gives a slot that holds nothing to another master.
func (c *Cluster) Move(slot int, from, to *Server) error {
	source, err := from.ask("CLUSTER", "MYID")
	if err != nil {
		return err
	}
	target, err := to.ask("CLUSTER", "MYID")
	if err != nil {
		return err
	}
	n := strconv.Itoa(slot)
	if _, err := to.ask("CLUSTER", "SETSLOT", n, "IMPORTING", source); err != nil {
		return err
	}
	for _, s := range []*Server{to, from} {
		if _, err := s.ask("CLUSTER", "SETSLOT", n, "NODE", target); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) all() []*Server { return append(append([]*Server(nil), c.Masters...), c.Replicas...) }

// inStep waits until the replicas have what their masters have.
func (c *Cluster) inStep() error {
	for _, r := range c.Replicas {
		if err := r.until(replicates, "INFO", "replication"); err != nil {
			return err
		}
	}
	return nil
}

func replicates(info string) bool { return strings.Contains(info, "master_link_status:up") }

// Addrs gives the addresses of all servers, the masters of the beginning first.
func (c *Cluster) Addrs() (addrs []string) {
	for _, s := range c.all() {
		addrs = append(addrs, s.Addr)
	}
	return addrs
}

// Failover makes the ith replica the master in the place of its own, which has
// to be dead, and returns when it serves.
func (c *Cluster) Failover(i int) error {
	if _, err := c.Replicas[i].ask("CLUSTER", "FAILOVER", "TAKEOVER"); err != nil {
		return err
	}
	return c.Replicas[i].until(func(a string) bool { return strings.Contains(a, "role:master") }, "INFO", "replication")
}

// Stop ends all servers.
func (c *Cluster) Stop() error {
	var errs []error
	for _, s := range c.all() {
		errs = append(errs, s.Stop())
	}
	return errors.Join(errs...)
}
