package memcached

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/onefold-go/onefold/adapters/memcached/internal/meta"
)

// memcached tells nobody of anything, so that who waits for another process's
// load asks again and again, once for all who wait for the key in this process:
// after an eighth of the time they have waited, but not more often than every
// 4 ms nor less than every 100 ms, and a quarter more or less by chance. That is
// about 40 times in the first second and 10 times in each second after. Who waits
// for a load that takes 40 ms or less is woken 5 ms late at most, and for a longer
// one, a sixth of its time, or 125 ms.
const (
	pollShare = 8
	pollMin   = 4 * time.Millisecond
	pollMax   = 100 * time.Millisecond
)

// A watch is a key whose change somebody waits for. It has a goroutine, which
// ends with the change, with the lease that is waited for, or with the store.
type watch struct {
	conn uint64 // the connection that the answer with cas came on
	cas  uint64 // of the item, which is what changes

	changed chan struct{} // closed under Store.mu, by who takes the watch out of the map
	ends    time.Time     // guarded by Store.mu
}

// watch gives a channel that is closed when the item of key is no longer the one
// with cas. Nothing is missed between the answer that told of cas and the first
// look, since any change leaves another cas.
func (s *Store) watch(key string, conn, cas uint64, left time.Duration) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	ends := s.clock().Add(left)
	w := s.watches[key]
	if w != nil && w.cas == cas && w.conn == conn {
		if ends.After(w.ends) {
			w.ends = ends
		}
		return w.changed
	}
	if w != nil { // one of the two answers is from before a change
		close(w.changed)
	}
	w = &watch{conn: conn, cas: cas, changed: make(chan struct{}), ends: ends}
	s.watches[key] = w
	if s.ctx.Err() != nil {
		s.wakeLocked(key, w)
		return w.changed
	}
	s.work.Go(func() { s.poll(key, w) })
	return w.changed
}

// changed wakes who waits for key here: this process has changed it.
func (s *Store) changed(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w := s.watches[key]; w != nil {
		s.wakeLocked(key, w)
	}
}

// wake ends w, if that has not been done.
func (s *Store) wake(key string, w *watch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watches[key] == w {
		s.wakeLocked(key, w)
	}
}

func (s *Store) wakeLocked(key string, w *watch) {
	delete(s.watches, key)
	close(w.changed)
}

// poll looks at key until it has changed.
func (s *Store) poll(key string, w *watch) {
	defer s.wake(key, w)
	began := s.clock()
	timer := time.NewTimer(jittered(pollMin))
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-w.changed:
			return
		case <-s.ctx.Done():
			return
		}
		if s.look(key, w) || s.over(w) {
			return
		}
		timer.Reset(jittered(min(max(s.clock().Sub(began)/pollShare, pollMin), pollMax)))
	}
}

// jittered gives d, and a quarter more or less by chance.
func jittered(d time.Duration) time.Duration {
	return d*3/4 + rand.N(d/2) //nolint:gosec // no secret
}

// over reports whether what w waits for has ended by itself.
func (s *Store) over(w *watch) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.clock().Before(w.ends)
}

// look reports whether key has changed. It does not know while the server does
// not answer.
func (s *Store) look(key string, w *watch) bool {
	ctx, cancel := context.WithTimeout(s.ctx, s.cfg.Timeout)
	defer cancel()
	conn, ended, err := s.reach(ctx, key)
	if err != nil {
		return false
	}
	if conn.ID != w.conn {
		ended(context.Canceled) // there is no need to ask
		return true             // it may be another server
	}
	reply, err := s.doOn(ctx, conn, meta.Command{Verb: meta.Get, Key: key, Peek: true})
	ended(err)
	return err == nil && (reply.Status != meta.Done || reply.CAS != w.cas)
}
