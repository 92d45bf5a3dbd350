package redis

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/onefold-go/onefold/tier"
	"github.com/onefold-go/onefold/tier/outage"
)

// A Store is a far tier on Redis. It is made by [Open], its methods may be
// called at the same time from many goroutines, and it must not be copied.
//
// It has one stream of changes, from Open to Close, and reads the master only:
// a replica lags, and would give a value after its Delete.
type Store struct {
	client rueidis.Client
	o      Options
	names  names
	owner  owner

	stream      stream
	breakers    breakers
	undelivered *outage.Undelivered
	settling    chan struct{} // holds one while everything is being delivered
	counts      counts

	ctx    context.Context //nolint:containedctx // of what runs in the background; it ends with Close
	cancel context.CancelFunc
	work   sync.WaitGroup // goroutines that end with ctx
}

var _ interface {
	tier.Leaser
	tier.Renewer
	tier.Setter
	tier.Batcher
	tier.Notifier
	tier.Tagger
} = (*Store)(nil)

// Open connects to the server that the URL names:
//
//	redis://user:password@host:6379/0                        one server, or a server of a Cluster
//	rediss://...                                             with TLS
//	redis://host:7000?addr=host:7001&addr=host:7002          a Cluster, by any of these
//	redis://host:26379?addr=host:26380&master_set=mymaster   the master of that name, by its sentinels
//
// It fails when no server answers. No error has the password in it. The Store
// must be closed.
func Open(url string, o Options) (*Store, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	co, err := o.client(url)
	if err != nil {
		return nil, err
	}
	client, err := rueidis.NewClient(co)
	if err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	var id [ownerLen / 2]byte
	_, _ = rand.Read(id[:]) // never fails
	s := &Store{
		client: client, o: o,
		names: names{base: o.Prefix + ":" + o.Schema + ":"},
		owner: owner(hex.EncodeToString(id[:])), breakers: newBreakers(o, client.Mode()),
		undelivered: outage.NewUndelivered(o.MaxUndelivered), settling: make(chan struct{}, 1),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.stream.init()
	s.work.Go(s.listen)
	s.work.Go(func() { s.undelivered.Deliver(s.ctx, o.ProbeEvery, s.redeliver) })
	<-s.stream.tried // so that who waits first is woken by it, where it is to be had
	return s, nil
}

// Close ends the store's connections. Calls under way fail, and so do later
// ones; those who wait for a lease are woken. Closing twice is fine.
func (s *Store) Close() {
	s.cancel()
	s.work.Wait()
	s.client.Close()
}

// ready reports why a call cannot be made.
func (s *Store) ready(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.ctx.Err() != nil {
		return ErrClosed
	}
	return checkKey(key)
}

// failure is the error of a call.
func failure(op string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, ErrUnavailable):
		return ErrUnavailable
	case errors.Is(err, rueidis.ErrClosing):
		return ErrClosed
	default:
		return fmt.Errorf("redis: %s: %w", op, err)
	}
}

// Get is that of [tier.Store].
func (s *Store) Get(ctx context.Context, key string) (tier.Item, error) {
	if err := s.ready(ctx, key); err != nil {
		return tier.Item{}, err
	}
	if err := s.settle(ctx, key); err != nil {
		return tier.Item{}, err
	}
	answer, err := s.run(ctx, getScript, []string{s.names.value(key)}, strconv.Itoa(s.o.MaxValueSize)).ToArray()
	if err != nil {
		return tier.Item{}, failure("Get", err)
	}
	it, err := readItem(answer)
	return it, failure("Get", err)
}

// readItem reads what Get and Acquire begin their answers with.
func readItem(answer []rueidis.RedisMessage) (it tier.Item, err error) {
	if len(answer) < 2 {
		return it, errAnswer
	}
	if answer[0].IsNil() {
		return it, nil
	}
	if it.Data, err = answer[0].AsBytes(); err != nil {
		return tier.Item{}, err
	}
	left, err := answer[1].AsInt64()
	if err != nil {
		return tier.Item{}, err
	}
	if left >= 0 { // the rest of its last millisecond is time yet
		it.TTL = max(1, time.Duration(left)*time.Millisecond)
	}
	return it, nil
}

// Delete is that of [tier.Store]. After an error the key is not read any more
// before it has been deleted, which is tried until Close.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	at := s.undelivered.Now()
	err := s.ready(ctx, key)
	if err == nil {
		err = failure("Delete", s.run(ctx, deleteScript, s.all(key)).Error())
	}
	s.told(key, at, err)
	return err
}

// told notes whether the server has been told that key has changed.
func (s *Store) told(key string, at uint64, err error) {
	if err != nil {
		s.undelivered.AddKey(key)
		return
	}
	s.undelivered.Settled([]string{key}, nil, at)
}

// all gives the names of what a change of key is about: value, lease, note.
func (s *Store) all(key string) []string {
	return []string{s.names.value(key), s.names.lease(key), s.names.note(key, noteChange, s.owner)}
}

// Acquire is that of [tier.Leaser].
func (s *Store) Acquire(ctx context.Context, key string, o tier.AcquireOptions) (tier.Grant, error) {
	if err := checkAcquire(o); err != nil {
		return tier.Grant{}, err
	}
	if err := s.ready(ctx, key); err != nil {
		return tier.Grant{}, err
	}
	if err := s.settle(ctx, key); err != nil {
		return tier.Grant{}, err
	}
	token := newToken()
	w := s.stream.arm(key) // before the question: the change may come before the answer
	defer s.stream.disarm(w)
	answer, err := s.run(ctx, acquireScript, []string{s.names.value(key), s.names.lease(key)}, s.acquireArgs(token, o)...).ToArray()
	if err != nil {
		return tier.Grant{}, failure("Acquire", err)
	}
	g, err := s.readGrant(answer, token, w)
	return g, failure("Acquire", err)
}

// newToken makes the token of a lease, 128 random bits. It need not be a secret:
// who could use another's token could also write the value. And crypto/rand would
// ask the system for each, at a tenth of what an Acquire costs in all.
func newToken() string {
	return fmt.Sprintf("%016x%016x", mathrand.Uint64(), mathrand.Uint64()) //nolint:gosec // likewise
}

func checkAcquire(o tier.AcquireOptions) error {
	if o.LeaseTTL <= 0 || o.RefreshBelow < 0 {
		return fmt.Errorf("redis: Acquire with LeaseTTL %v and RefreshBelow %v, want more than 0, and 0 or more", o.LeaseTTL, o.RefreshBelow)
	}
	return nil
}

func (s *Store) acquireArgs(token string, o tier.AcquireOptions) []string {
	return []string{strconv.Itoa(s.o.MaxValueSize), token, millis(o.LeaseTTL), millis(o.RefreshBelow), o.Replace.Token}
}

// millis gives d in milliseconds, rounded up: only 0 is 0.
func millis(d time.Duration) string {
	ms := d / time.Millisecond
	if d%time.Millisecond > 0 {
		ms++
	}
	return strconv.FormatInt(int64(ms), 10)
}

// readGrant reads the answer of Acquire. w waits for changes since before it was
// asked.
func (s *Store) readGrant(answer []rueidis.RedisMessage, token string, w *wait) (g tier.Grant, err error) {
	if g.Item, err = readItem(answer); err != nil {
		return tier.Grant{}, err
	}
	if len(answer) < 3 {
		return tier.Grant{}, errAnswer
	}
	kind, err := answer[2].ToString()
	if err != nil {
		return tier.Grant{}, err
	}
	if kind == "lease" || kind == "held" {
		if len(answer) < 4 {
			return tier.Grant{}, errAnswer
		}
	}
	switch kind {
	case "item":
	case "self":
		g.LoadSelf = true
	case "held":
		left, err := answer[3].AsInt64()
		if err != nil {
			return tier.Grant{}, err
		}
		g.HeldFor = max(time.Millisecond, time.Duration(left)*time.Millisecond)
		g.Changed = s.stream.keep(w, g.HeldFor, s.o.Poll)
	case "lease":
		id, err := answer[3].ToString()
		if err != nil {
			return tier.Grant{}, err
		}
		g.Lease.Token = token
		if g.Lease.Conn, err = strconv.ParseUint(id, 16, 64); err != nil {
			return tier.Grant{}, err
		}
	default:
		return tier.Grant{}, errAnswer
	}
	return g, nil
}

var errNoData = errors.New("redis: an item without Data, or with a negative TTL")

func (s *Store) checkItem(it tier.Item) error {
	switch {
	case it.Data == nil || it.TTL < 0:
		return errNoData
	case len(it.Data) > s.o.MaxValueSize:
		return &SizeError{Size: len(it.Data), Max: s.o.MaxValueSize}
	default:
		return nil
	}
}

// Fill is that of [tier.Leaser].
func (s *Store) Fill(ctx context.Context, key string, lease tier.Lease, it tier.Item) (stored bool, err error) {
	if err := s.checkItem(it); err != nil {
		return false, err
	}
	if err := s.ready(ctx, key); err != nil {
		return false, err
	}
	if noLease(lease) {
		return false, nil
	}
	return yes("Fill", s.run(ctx, fillScript, s.all(key), fillArgs(lease, it)...))
}

// noLease reports whether lease is none that Acquire gave.
func noLease(lease tier.Lease) bool { return lease.Token == "" || lease.Token == mark }

func fillArgs(lease tier.Lease, it tier.Item) []string {
	// A copy of the data: the client may still be sending it when ctx ends.
	return []string{lease.Token, historyOf(lease), string(it.Data), millis(it.TTL)}
}

func historyOf(lease tier.Lease) string { return fmt.Sprintf("%016x", lease.Conn) }

// yes reads the answer of a script that says whether it did anything.
func yes(op string, r rueidis.RedisResult) (bool, error) {
	n, err := r.AsInt64()
	return err == nil && n == 1, failure(op, err)
}

// Release is that of [tier.Leaser].
func (s *Store) Release(ctx context.Context, key string, lease tier.Lease, loadSelf time.Duration) error {
	if err := s.ready(ctx, key); err != nil {
		return err
	}
	if noLease(lease) {
		return nil
	}
	_, err := yes("Release", s.run(ctx, releaseScript,
		[]string{s.names.lease(key), s.names.note(key, noteFree, s.owner)}, lease.Token, millis(max(0, loadSelf))))
	return err
}

// Renew is that of [tier.Renewer].
func (s *Store) Renew(ctx context.Context, key string, lease tier.Lease, ttl time.Duration) (held bool, err error) {
	if ttl <= 0 {
		return false, fmt.Errorf("redis: Renew for %v, want more than 0", ttl)
	}
	if err := s.ready(ctx, key); err != nil {
		return false, err
	}
	if noLease(lease) {
		return false, nil
	}
	return yes("Renew", s.run(ctx, renewScript, []string{s.names.lease(key)}, lease.Token, historyOf(lease), millis(ttl)))
}

// setFor is how long a Set may take from its first exchange to the end of its
// second.
const setFor = 3 * time.Second

// Set is that of [tier.Setter]. It takes the key's lease, from whoever has it,
// and fills with that: a plain SET that got no answer could still be on its way,
// on a connection that hangs, when a later Delete has been acknowledged, and
// bring the value back. Where another Set or a Delete comes between the two, the
// key is deleted. So it is after an error, as with [Store.Delete].
func (s *Store) Set(ctx context.Context, key string, it tier.Item) error {
	if err := s.checkItem(it); err != nil {
		return err
	}
	if err := s.ready(ctx, key); err != nil {
		return err
	}
	at := s.undelivered.Now()
	err := failure("Set", s.set(ctx, key, it))
	s.told(key, at, err)
	return err
}

func (s *Store) set(ctx context.Context, key string, it tier.Item) error {
	lease := tier.Lease{Token: newToken()}
	id, err := s.run(ctx, claimScript, []string{s.names.lease(key)}, lease.Token, millis(setFor)).ToString()
	if err != nil {
		return err
	}
	if lease.Conn, err = strconv.ParseUint(id, 16, 64); err != nil {
		return err
	}
	stored, err := s.run(ctx, fillScript, s.all(key), fillArgs(lease, it)...).AsInt64()
	if err != nil || stored == 1 {
		return err
	}
	return s.run(ctx, deleteScript, s.all(key)).Error()
}
