package oracle

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"syscall"
	"time"
)

// A Fault is one thing that goes wrong for a while. do brings it about; undo, if
// there is one, mends it.
type Fault struct {
	Name string
	do   func(ctx context.Context, st *stage, rng *rand.Rand) (undo func() error, err error)
}

// Faults are all, in the order in which they are brought about.
func Faults() []Fault {
	return []Fault{
		network("latency", `{"type": "latency", "attributes": {"latency": 100, "jitter": 50}}`),
		network("slow requests", `{"type": "latency", "stream": "upstream", "attributes": {"latency": 300}}`),
		network("slices", `{"type": "slicer", "attributes": {"average_size": 3, "size_variation": 2, "delay": 500}}`),
		network("narrow", `{"type": "bandwidth", "attributes": {"rate": 20}}`),
		network("hang", `{"type": "timeout", "attributes": {"timeout": 0}}`),
		network("half-open", `{"type": "timeout", "stream": "upstream", "attributes": {"timeout": 0}}`),
		network("reset", `{"type": "reset_peer", "attributes": {"timeout": 20}}`),
		network("truncation", `{"type": "limit_data", "attributes": {"bytes": 2000}}`),
		{"one is cut off", func(_ context.Context, st *stage, rng *rand.Rand) (func() error, error) {
			p := st.proxies[rng.IntN(len(st.proxies))]
			p.Stop()
			return p.Start, nil
		}},
		{"server stopped", func(_ context.Context, st *stage, _ *rand.Rand) (func() error, error) {
			return st.server.Resume, st.server.Pause()
		}},
		{"server restarted, its data lost", func(ctx context.Context, st *stage, _ *rand.Rand) (func() error, error) {
			if err := st.server.Kill(); err != nil {
				return nil, err
			}
			rest(ctx, 200*time.Millisecond)
			return nil, st.server.Start()
		}},
		{"all flushed", func(_ context.Context, st *stage, _ *rand.Rand) (func() error, error) { return nil, st.flush() }},
		{"a process paused", func(_ context.Context, st *stage, rng *rand.Rand) (func() error, error) {
			pid := st.fleet.PID(rng.IntN(st.fleet.Len()))
			return func() error { return syscall.Kill(pid, syscall.SIGCONT) }, syscall.Kill(pid, syscall.SIGSTOP)
		}},
		{"a process killed", func(_ context.Context, st *stage, rng *rand.Rand) (func() error, error) {
			return nil, st.fleet.Replace(rng.IntN(st.fleet.Len()))
		}},
	}
}

// network is a fault of the network of half of the processes.
func network(name, toxic string) Fault {
	return Fault{name, func(_ context.Context, st *stage, rng *rand.Rand) (func() error, error) {
		undo := make([]func() error, 0, len(st.proxies))
		for _, i := range rng.Perm(len(st.proxies))[:max(1, len(st.proxies)/2)] {
			u, err := st.toxic(i, toxic)
			if err != nil {
				return nil, err
			}
			undo = append(undo, u)
		}
		return func() error {
			var errs []error
			for _, u := range undo {
				errs = append(errs, u())
			}
			return errors.Join(errs...)
		}, nil
	}}
}

// flush makes the server drop all it has.
func (st *stage) flush() error {
	conn, err := net.DialTimeout("tcp", st.server.Addr, 5*time.Second)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // it has been answered by then
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(conn, "%s\r\n", st.flushAll); err != nil {
		return err
	}
	_, err = conn.Read(make([]byte, 64))
	return err
}
