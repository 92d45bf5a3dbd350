package redis

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/onefold-go/onefold/tier"
)

// A stream is what the servers tell of changes: the names of the notes that
// scripts write, by client-side tracking of their prefix, on a connection of its
// own to each master. It wakes those who wait for a key, of whose process the
// change was, and tells listeners of changes by others.
//
//	broken --tracking is on at all masters--> live   (up is closed)
//	live   --a connection ends, or does not answer; a server comes, goes, or has
//	         another role--> broken                  (all who wait are woken, all listeners end)
//
// Tracking was chosen over PUBLISH for Cluster, where each message of that goes
// to every server, and is lost without anybody knowing where the link between
// two servers is. What tracking sends comes from the server that has the key.
// It also tells of FLUSHALL. It does not tell whose change it is, nor of a
// Delete of what is not there: hence notes, and not the keys themselves.
type stream struct {
	mu        sync.Mutex
	live      bool
	up        chan struct{} // closed while live; another one after
	tried     chan struct{} // closed when it has been live, or could not be
	waits     map[string]*wait
	listeners map[*listener]bool
}

func (st *stream) init() {
	st.up, st.tried = make(chan struct{}), make(chan struct{})
	st.waits = make(map[string]*wait)
	st.listeners = make(map[*listener]bool)
}

// A wait is for the next change of a key, by any number who wait.
//
// It is in stream.waits until it is woken, its time is over, or nobody is left
// who could wait. Its fields are guarded by stream.mu.
type wait struct {
	key     string
	changed chan struct{} // closed when woken
	armed   int           // questions under way
	timer   *time.Timer   // wakes at the end of the lease; nil: none has been told to wait yet
}

// arm makes a wait for key, for a question about to be asked.
func (st *stream) arm(key string) *wait {
	st.mu.Lock()
	defer st.mu.Unlock()
	w := st.waits[key]
	if w == nil {
		w = &wait{key: key, changed: make(chan struct{})}
		st.waits[key] = w
	}
	w.armed++
	return w
}

// disarm ends what arm began, when the question has been answered.
func (st *stream) disarm(w *wait) {
	st.mu.Lock()
	defer st.mu.Unlock()
	w.armed--
	if w.armed == 0 && w.timer == nil && st.waits[w.key] == w {
		delete(st.waits, w.key)
	}
}

// keep gives the channel of w to one who waits for a lease that lasts heldFor
// yet. While the stream is broken it is closed every now and then, so that its
// owner looks again.
func (st *stream) keep(w *wait, heldFor, poll time.Duration) <-chan struct{} {
	st.mu.Lock()
	defer st.mu.Unlock()
	if !st.live {
		heldFor = min(heldFor, poll/2+rand.N(poll/2+1)) //nolint:gosec // no secret
	}
	if w.timer == nil {
		w.timer = time.AfterFunc(heldFor, func() { st.over(w) })
	}
	return w.changed
}

// over ends a wait whose time is over.
func (st *stream) over(w *wait) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.waits[w.key] == w {
		st.wakeLocked(w.key)
	}
}

func (st *stream) wakeLocked(key string) {
	w := st.waits[key]
	if w == nil {
		return
	}
	delete(st.waits, key)
	if w.timer != nil {
		w.timer.Stop()
	}
	close(w.changed)
}

func (st *stream) wakeAllLocked() {
	for key := range st.waits {
		st.wakeLocked(key)
	}
}

// A listener is one Notify under way.
type listener struct {
	wake chan struct{} // has an element when there is news; capacity 1

	// Guarded by stream.mu.
	queue []tier.Change
	err   error // why the stream broke
}

// maxQueued is how many changes wait for a slow listener. With more they become
// two that say that all may have changed.
const maxQueued = 10_000

func (l *listener) tellLocked(changes ...tier.Change) {
	if len(l.queue) >= maxQueued {
		l.queue = append(l.queue[:0], tier.Change{All: true}, tier.Change{Tags: true})
	}
	l.queue = append(l.queue, changes...)
	l.nudge()
}

func (l *listener) nudge() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// invalidated is called by the client for what a server tells; nil is all.
func (s *Store) invalidated(keys []rueidis.RedisMessage) {
	st := &s.stream
	st.mu.Lock()
	defer st.mu.Unlock()
	if keys == nil { // FLUSHALL, or the end of the connection
		st.wakeAllLocked()
		s.counts.flushes.Add(1)
		for l := range st.listeners {
			l.tellLocked(tier.Change{All: true}, tier.Change{Tags: true})
		}
		return
	}
	for i := range keys {
		name, err := keys[i].ToString()
		if err != nil {
			continue
		}
		key, of, by, ok := s.names.readNote(name)
		if !ok {
			continue
		}
		change := tier.Change{Key: key}
		if of == noteTags {
			change = tier.Change{Tags: true}
		} else {
			st.wakeLocked(key)
		}
		if by == s.owner || of == noteFree {
			continue
		}
		s.counts.heard.Add(1)
		for l := range st.listeners {
			l.tellLocked(change)
		}
	}
}

// Waits between attempts to have a stream, doubling from the first to the last.
const (
	firstRetry = 20 * time.Millisecond
	lastRetry  = time.Second
)

// listen keeps the stream up until Close.
func (s *Store) listen() {
	for wait := firstRetry; s.ctx.Err() == nil; {
		began := time.Now()
		err := s.follow()
		if s.ctx.Err() != nil {
			break
		}
		s.stream.broke(err)
		if time.Since(began) > lastRetry {
			wait = firstRetry
		}
		select {
		case <-time.After(wait):
		case <-s.ctx.Done():
		}
		wait = min(2*wait, lastRetry)
	}
	s.stream.broke(ErrClosed)
}

func (st *stream) broke(err error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.triedLocked()
	if st.live || errors.Is(err, ErrClosed) {
		st.wakeAllLocked() // otherwise they look again by themselves
	}
	if st.live {
		st.live, st.up = false, make(chan struct{})
	}
	for l := range st.listeners {
		l.err = fmt.Errorf("%w: %w", ErrStream, err)
		l.nudge()
	}
	clear(st.listeners)
}

func (st *stream) begins() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.triedLocked()
	st.live = true
	close(st.up)
	st.wakeAllLocked() // what they wait for may have come before
}

func (st *stream) triedLocked() {
	select {
	case <-st.tried:
	default:
		close(st.tried)
	}
}

// follow is one life of the stream; the error says why it ended.
func (s *Store) follow() error {
	ctx, cancel := context.WithCancelCause(s.ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel(nil)

	nodes := s.client.Nodes()
	tracked := make(chan struct{}, len(nodes))
	for _, node := range nodes {
		all.Go(func() { cancel(s.track(ctx, node, func() { tracked <- struct{}{} })) })
	}
	for range nodes {
		select {
		case <-tracked:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	s.counts.streams.Add(1)
	s.stream.begins()
	tick := time.NewTicker(s.o.Ping)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if now := s.client.Nodes(); !sameServers(now, nodes) {
				return errServers
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func sameServers(a, b map[string]rueidis.Client) bool {
	for addr := range a {
		if _, ok := b[addr]; !ok {
			return false
		}
	}
	return len(a) == len(b)
}

var (
	errConn    = errors.New("the connection ended")
	errProto   = errors.New("the server does not speak version 3 of the protocol, or was asked not to")
	errServers = errors.New("there are other servers than before")
	errRole    = errors.New("a server has become a master or a replica")
	errReplica = errors.New("the server is a replica")
)

// track has a server tell of notes until the connection ends. It calls begun
// when the server does, or is a replica of a Cluster: its master tells.
func (s *Store) track(ctx context.Context, node rueidis.Client, begun func()) error {
	conn, _ := node.Dedicate()
	defer conn.Close() // not back to the pool: it may be hanging
	hello, err := s.within(ctx, conn, conn.B().Arbitrary("HELLO").Build()).AsMap()
	if err != nil {
		return err
	}
	proto, role := hello["proto"], hello["role"]
	if n, err := proto.AsInt64(); err != nil || n < 3 { // there it would be on, and tell nothing
		return errProto
	}
	is, err := role.ToString()
	if err != nil {
		return err
	}
	ended := conn.SetOnInvalidations(s.invalidated)
	switch {
	case is == "master":
		err := s.within(ctx, conn, conn.B().ClientTracking().On().Prefix().Prefix(s.names.notes()).Bcast().Build()).Error()
		if err != nil {
			return err
		}
	case s.client.Mode() != rueidis.ClientModeCluster:
		return errReplica
	}
	begun()
	tick := time.NewTicker(s.o.Ping)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-ended:
			return errors.Join(errConn, err)
		case <-tick.C:
			now, err := s.within(ctx, conn, conn.B().Role().Build()).ToArray()
			if err != nil {
				return err
			}
			if len(now) == 0 {
				return errAnswer
			}
			if role, err := now[0].ToString(); err != nil || (role == "master") != (is == "master") {
				return errors.Join(errRole, err)
			}
		}
	}
}

// within runs a command that must be answered soon.
func (s *Store) within(ctx context.Context, conn rueidis.DedicatedClient, cmd rueidis.Completed) rueidis.RedisResult {
	ctx, cancel := context.WithTimeout(ctx, s.o.Ping)
	defer cancel()
	return conn.Do(ctx, cmd)
}

// Notify is that of [tier.Notifier]. While there is no stream it waits for one.
func (s *Store) Notify(ctx context.Context, deliver func(tier.Change)) error {
	l, err := s.join(ctx)
	if err != nil {
		return err
	}
	st := &s.stream
	defer func() {
		st.mu.Lock()
		defer st.mu.Unlock()
		delete(st.listeners, l)
	}()
	deliver(tier.Change{All: true})
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-l.wake:
		}
		st.mu.Lock()
		changes, err := l.queue, l.err
		l.queue = nil
		st.mu.Unlock()
		if err != nil { // what was told before does not matter: a gap is behind it
			return err
		}
		for _, c := range changes {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			deliver(c)
		}
	}
}

// join waits for the stream to be live and listens to it.
func (s *Store) join(ctx context.Context) (*listener, error) {
	st := &s.stream
	for {
		if err := s.ready(ctx, ""); err != nil {
			return nil, err
		}
		st.mu.Lock()
		if st.live {
			l := &listener{wake: make(chan struct{}, 1)}
			st.listeners[l] = true
			st.mu.Unlock()
			return l, nil
		}
		up := st.up
		st.mu.Unlock()
		select {
		case <-up:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-s.ctx.Done():
			return nil, ErrClosed
		}
	}
}

// Staleness is that of [tier.Notifier]: twice [Options.Ping].
func (s *Store) Staleness() time.Duration { return 2 * s.o.Ping }
