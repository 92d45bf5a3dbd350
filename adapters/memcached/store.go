package memcached

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/onefold-go/onefold/adapters/memcached/internal/meta"
	"github.com/onefold-go/onefold/tier"
	"github.com/onefold-go/onefold/tier/outage"
)

// A Store is a far tier in memcached: a [tier.Leaser], [tier.Renewer],
// [tier.Setter], [tier.Batcher] and [tier.Tagger]. It is no [tier.Notifier],
// since memcached tells nobody of anything.
//
// Make it with [New]. Its methods may be called from many goroutines. They
// return when their context ends; what they asked for may still be done by the
// server then.
type Store struct {
	cfg   Config
	ring  ring
	nodes []node // the servers
	seed  maphash.Seed
	clock func() time.Time

	ctx  context.Context //nolint:containedctx // ends with Close; what looks for changes belongs to no caller
	stop context.CancelFunc
	work sync.WaitGroup

	tagging  chan struct{} // holds one while a Bump is under way
	settling chan struct{} // holds one while everything is being delivered
	refused  atomic.Uint64

	mu      sync.Mutex
	leases  map[string]*lease // guarded by mu; those of this process, by token
	sweep   int               // guarded by mu; how many leases there may be before those that have ended go
	watches map[string]*watch // guarded by mu; the keys that somebody here waits for
}

var (
	_ tier.Leaser  = (*Store)(nil)
	_ tier.Renewer = (*Store)(nil)
	_ tier.Setter  = (*Store)(nil)
	_ tier.Batcher = (*Store)(nil)
	_ tier.Tagger  = (*Store)(nil)
)

// New makes a store. It connects to a server when a key of it is asked for, and
// whenever that connection was lost. The error names every field of cfg that is
// wrong.
func New(cfg Config) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	s := &Store{
		cfg: cfg, ring: newRing(cfg.Servers), seed: maphash.MakeSeed(), clock: time.Now,
		tagging: make(chan struct{}, 1), settling: make(chan struct{}, 1),
		leases: make(map[string]*lease), watches: make(map[string]*watch),
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	for i, server := range cfg.Servers {
		o := meta.Options{
			Dial:     func(ctx context.Context) (net.Conn, error) { return cfg.Dial(ctx, server) },
			TLS:      cfg.tlsFor(server),
			Username: cfg.Username, Password: cfg.Password,
			Silence: cfg.Timeout, MaxValue: cfg.MaxValue + headerMax,
		}
		links := make([]*meta.Link, cfg.Conns)
		for i := range links {
			links[i] = meta.NewLink(o, cfg.Timeout, cfg.Timeout/10)
		}
		n := node{links: links, breaker: s.newBreaker(), missed: outage.NewUndelivered(cfg.MaxUndelivered)}
		s.nodes = append(s.nodes, n)
		s.work.Go(func() { n.missed.Deliver(s.ctx, cfg.ProbeEvery, func(ctx context.Context) { s.redeliver(ctx, i) }) })
	}
	return s, nil
}

// Close closes the connections. What waits for an answer gets an error, who
// waits for another process's load is woken, and the leases that are held are
// void. It returns when nothing of the store is running; a second Close does
// nothing.
func (s *Store) Close() error {
	s.mu.Lock()
	s.stop() // under mu: nothing is started after it
	s.mu.Unlock()
	for _, n := range s.nodes {
		for _, l := range n.links {
			l.Close()
		}
	}
	s.work.Wait()
	return nil
}

// An Error is the failure of one server.
type Error struct {
	Server int // its place in Config.Servers
	Err    error
}

// Error does not name the server's address; a [net.OpError] in Err does.
func (e *Error) Error() string {
	err := e.Err
	what := ""
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		what, err = op.Op+": ", op.Err
	}
	if dns := (*net.DNSError)(nil); errors.As(err, &dns) {
		err = errors.New(dns.Err)
	}
	return fmt.Sprintf("memcached: server %d: %s%s", e.Server, what, strings.TrimPrefix(err.Error(), "memcached: "))
}

// Unwrap gives Err.
func (e *Error) Unwrap() error { return e.Err }

// fault is how an error of a connection is given to callers: their own end as
// it is.
func (s *Store) fault(ctx context.Context, key string, err error) error {
	return s.faultOf(ctx, s.ring.server(key), err)
}

// faultOf is fault for a server.
func (s *Store) faultOf(ctx context.Context, server int, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return err
	case s.ctx.Err() != nil:
		return ErrClosed
	default:
		return &Error{Server: server, Err: err}
	}
}

// conn gives the connection for a wire key: all commands for a key go over one.
func (s *Store) conn(ctx context.Context, key string) (*meta.Conn, error) {
	links := s.nodes[s.ring.server(key)].links
	return links[maphash.String(s.seed, key)%uint64(len(links))].Conn(ctx)
}

// do sends one command and waits for its answer.
func (s *Store) do(ctx context.Context, key string, command meta.Command) (meta.Reply, error) {
	conn, ended, err := s.reach(ctx, key)
	if err != nil {
		return meta.Reply{}, s.fault(ctx, key, err)
	}
	reply, err := s.doOn(ctx, conn, command)
	ended(err)
	return reply, err
}

// doOn is do on a certain connection.
func (s *Store) doOn(ctx context.Context, conn *meta.Conn, command meta.Command) (meta.Reply, error) {
	call := &meta.Call{Command: command}
	send(ctx, conn, call)
	return call.Reply, s.fault(ctx, command.Key, call.Err)
}

// newCAS gives one that was never there before, for servers that take it.
func newCAS() uint64 { return rand.Uint64()>>1 | 1 } //nolint:gosec // it need not be secret, only new

// Get is that of [tier.Store].
func (s *Store) Get(ctx context.Context, key string) (tier.Item, error) {
	key = wire(s.cfg.Prefix, key)
	if err := s.settle(ctx, key); err != nil {
		return tier.Item{}, err
	}
	reply, err := s.do(ctx, key, meta.Command{Verb: meta.Get, Key: key})
	if err != nil || reply.Status != meta.Done {
		return tier.Item{}, err
	}
	r, _ := read(reply, s.clock())
	return r.item(), nil
}

// item gives the value.
func (r record) item() tier.Item { return tier.Item{Data: r.value, TTL: r.ttl} }

// Delete is that of [tier.Store]: one command, which drops all there is of the
// key. A lease is the item that is there, so it goes too. After an error the key
// is not read any more before it has been deleted, which is tried until Close.
func (s *Store) Delete(ctx context.Context, key string) error {
	return s.DeleteMany(ctx, []string{key})[0]
}

// DeleteMany is that of [tier.Batcher]. Each key is as with [Store.Delete].
func (s *Store) DeleteMany(ctx context.Context, keys []string) []error {
	return s.deleteMany(ctx, s.wires(keys))
}

// deleteMany deletes wire keys.
func (s *Store) deleteMany(ctx context.Context, keys []string) []error {
	at := s.marks()
	b := s.batch(ctx, keys, nil)
	calls := make([]*meta.Call, len(keys))
	for i := range b.keys {
		calls[i] = &meta.Call{Command: meta.Command{Verb: meta.Delete, Key: b.keys[i]}}
	}
	b.run(ctx, calls)
	for i, call := range calls {
		if b.errs[i] == nil {
			b.errs[i] = call.Err
		}
		b.errs[i] = s.fault(ctx, b.keys[i], b.errs[i])
		s.changed(b.keys[i])
		s.told(b.keys[i], at[b.servers[i]], b.errs[i])
	}
	b.end()
	return b.errs
}

// Set is that of [tier.Setter]. It asks for the item's CAS, and stores if it is
// still that, again and again while others are faster. A plain store could come
// late, when its caller has given up and somebody has deleted the key since, and
// bring back what was deleted. After an error the key is deleted, as with
// [Store.Delete].
func (s *Store) Set(ctx context.Context, key string, it tier.Item) error {
	if err := s.check(it); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	key = wire(s.cfg.Prefix, key)
	at := s.missed(key).Now()
	err := s.set(ctx, key, it)
	s.told(key, at, err)
	return err
}

func (s *Store) set(ctx context.Context, key string, it tier.Item) (err error) {
	conn, ended, err := s.reach(ctx, key)
	if err != nil {
		return s.fault(ctx, key, err)
	}
	defer func() { ended(err) }()
	defer s.changed(key)
	for range attempts {
		now := s.clock()
		command := record{value: it.Data, ttl: it.TTL}.command(key, now)
		if err := fits(conn, command); err != nil {
			return s.fault(ctx, key, err)
		}
		a := s.asking(tier.AcquireOptions{LeaseTTL: s.cfg.Timeout})
		call := a.vivify(conn, key)
		call.Peek = true
		send(ctx, conn, call)
		if call.Err != nil {
			return s.fault(ctx, key, call.Err)
		}
		if call.Reply.Status != meta.Done {
			return s.fault(ctx, key, errNoStub)
		}
		command.CAS, command.NewCAS = call.Reply.CAS, newCAS()
		reply, err := s.doOn(ctx, conn, command)
		if err != nil || reply.Status == meta.Done {
			return err
		}
	}
	return s.fault(ctx, key, errContended)
}

// check refuses what is no item.
func (s *Store) check(it tier.Item) error {
	switch {
	case it.Data == nil || it.TTL < 0:
		return fmt.Errorf("memcached: an item with Data nil: %t, and TTL %v; want Data, and a TTL of 0 or more", it.Data == nil, it.TTL)
	case len(it.Data) > s.cfg.MaxValue:
		return fmt.Errorf("%w: %d bytes, want Config.MaxValue, %d, or less", ErrTooLarge, len(it.Data), s.cfg.MaxValue)
	default:
		return nil
	}
}

// fits refuses what the server would.
func fits(conn *meta.Conn, command meta.Command) error {
	if len(command.Value) > conn.MaxValue {
		return fmt.Errorf("%w: %d bytes, of which the server takes %d (its option -I)", ErrTooLarge, len(command.Value), conn.MaxValue)
	}
	return nil
}

// A batch is commands for many keys. Those for one connection are sent
// together.
type batch struct {
	store   *Store
	keys    []string // wire keys
	servers []int    // of each
	conns   []*meta.Conn
	errs    []error // at first, why a key has no connection; then its end
	asked   []bool  // whether the server is asked for the key
	visits  []visit // of each server
}

// A visit is all that a batch has for one server, which is one call to its
// breaker.
type visit struct {
	begun bool
	ended func(error)
	err   error // why there is none
}

// wires gives the wire keys of keys.
func (s *Store) wires(keys []string) []string {
	w := make([]string, len(keys))
	for i, key := range keys {
		w[i] = wire(s.cfg.Prefix, key)
	}
	return w
}

// emptyBatch is a batch of wire keys without connections. It must be ended.
func (s *Store) emptyBatch(keys []string) *batch {
	b := &batch{
		store: s, keys: keys, servers: make([]int, len(keys)), conns: make([]*meta.Conn, len(keys)),
		errs: make([]error, len(keys)), asked: make([]bool, len(keys)), visits: make([]visit, len(s.nodes)),
	}
	for i, key := range keys {
		b.servers[i] = s.ring.server(key)
	}
	return b
}

// allow refuses a key, as [Store.allow] does.
func (b *batch) allow(i int) error {
	v := &b.visits[b.servers[i]]
	switch {
	case !v.begun:
		v.begun = true
		v.ended, v.err = b.store.allow(b.servers[i])
	case v.err != nil:
		b.store.refused.Add(1)
	}
	b.asked[i] = v.err == nil
	return v.err
}

// end tells the breakers how the keys ended.
func (b *batch) end() {
	ends := make([]error, len(b.visits))
	for i, err := range b.errs {
		if b.asked[i] && !answer(err) {
			ends[b.servers[i]] = err
		}
	}
	for i, v := range b.visits {
		if v.ended != nil {
			v.ended(ends[i])
		}
	}
}

// batch is a batch of wire keys with the connection for each, but those that
// have an error, if there are any. It must be ended.
func (s *Store) batch(ctx context.Context, keys []string, errs []error) *batch {
	b := s.emptyBatch(keys)
	copy(b.errs, errs)
	type place struct {
		server int
		slot   uint64
	}
	var failed map[place]error // asked once
	for i, key := range keys {
		if b.errs[i] != nil {
			continue
		}
		if b.errs[i] = ctx.Err(); b.errs[i] == nil {
			b.errs[i] = b.allow(i)
		}
		if b.errs[i] != nil {
			continue
		}
		at := place{b.servers[i], maphash.String(s.seed, key) % uint64(s.cfg.Conns)} //nolint:gosec // positive
		err := failed[at]
		if err == nil {
			b.conns[i], err = s.conn(ctx, key)
		}
		if err != nil {
			if failed == nil {
				failed = make(map[place]error)
			}
			failed[at], b.errs[i] = err, err
		}
	}
	return b
}

// run sends those calls that are not nil and whose key has a connection, and
// waits for the answers.
func (b *batch) run(ctx context.Context, calls []*meta.Call) {
	var (
		all []*meta.Call
		of  = make(map[*meta.Conn][]*meta.Call, 1)
	)
	for i, call := range calls {
		if call != nil && b.errs[i] == nil {
			all = append(all, call)
			of[b.conns[i]] = append(of[b.conns[i]], call)
		}
	}
	round := meta.NewRound(all...)
	for conn, calls := range of {
		conn.Send(calls...)
	}
	round.Wait(ctx)
}
