package trace

import (
	"bytes"
	"errors"
	"sort"
)

var errMemcached = errors.New("the line is none of memcached's watchers'")

// A memcachedLine splits what memcached prints after "watch fetchers mutations":
//
//	ts=1700000000.34 gid=12 type=item_get key=user%3A1 status=found clsid=1 cfd=30 size=11
//
// The digits behind the point are microseconds without leading zeros. Keys are
// encoded as in a URI, which keeps them apart, so they stay as they are.
type memcachedLine struct {
	gid  int64
	conn int64
	kind watched
}

// What a line is about.
type watched uint8

const (
	watchedOther watched = iota
	watchedGet
	watchedStore
)

func (m *memcachedLine) split(line []byte, f *fields) error {
	m.gid, m.conn, m.kind = 0, 0, watchedOther
	if string(line) == "OK" {
		return errPassed
	}
	var kind, status []byte
	for len(line) > 0 {
		word := line
		if i := bytes.IndexByte(line, ' '); i >= 0 {
			word, line = line[:i], line[i+1:]
		} else {
			line = nil
		}
		i := bytes.IndexByte(word, '=')
		if i < 0 {
			continue
		}
		value := word[i+1:]
		switch string(word[:i]) {
		case "ts":
			f.col[timeRole] = value
		case "gid":
			m.gid, _ = count(value)
		case "cfd":
			m.conn, _ = count(value)
			f.col[clientRole] = value
		case "type":
			kind = value
		case "key":
			f.key[0] = value
		case "status":
			status = value
		case "cmd":
			f.col[opRole] = value
		case "ttl":
			f.col[ttlRole] = value
		case "size":
			f.col[sizeRole] = value
		}
	}
	if f.col[timeRole] == nil || kind == nil {
		return errMemcached
	}
	switch string(kind) {
	case "item_get":
		m.kind = watchedGet
		f.col[opRole] = kind
		f.col[cacheRole] = status
	case "item_store":
		m.kind = watchedStore
		if string(f.col[opRole]) == "" {
			f.col[opRole] = kind
		}
	default:
		return errPassed // an eviction, a connection
	}
	return nil
}

// A settler puts the lines of memcached's watchers into order, for several
// threads write them, and takes out the item_get that each item_store
// has before it: the server looks for the item that it replaces.
//
// It holds back a fixed count of records. What is settled is in records.
type settler struct {
	held  []watchedRecord
	out   int // those before it are handed out
	about *about
	spare [][]byte // for texts
}

type watchedRecord struct {
	Record
	gid, conn int64
	kind      watched
	text      []byte // the key's
	internal  bool   // a lookup that belongs to a store
}

const settleBack = 512

// add takes a record and its key's text.
func (s *settler) add(r *Record, m *memcachedLine, text []byte) {
	w := watchedRecord{Record: *r, gid: m.gid, conn: m.conn, kind: m.kind}
	if n := len(s.spare); n > 0 {
		w.text = s.spare[n-1][:0]
		s.spare = s.spare[:n-1]
	}
	w.text = append(w.text, text...)
	i := len(s.held)
	if i > s.out && s.held[i-1].gid > w.gid {
		i = s.out + sort.Search(i-s.out, func(k int) bool { return s.held[s.out+k].gid > w.gid })
	}
	s.held = append(s.held, watchedRecord{})
	copy(s.held[i+1:], s.held[i:])
	s.held[i] = w
}

// next gives the record that is settled, if one is: when more than enough are
// held, or all.
func (s *settler) next(all bool) (*Record, bool) {
	for s.out < len(s.held) && (all || len(s.held)-s.out > settleBack) {
		w := &s.held[s.out]
		if w.kind == watchedGet && !w.internal && s.stored(w) {
			w.internal = true
		}
		s.out++
		s.spare = append(s.spare, w.text)
		if w.internal {
			continue
		}
		w.Hints |= s.about.look(w.text, w.Key, w.Op)
		return &w.Record, true
	}
	if s.out > settleBack {
		s.held = s.held[:copy(s.held, s.held[s.out:])]
		s.out = 0
	}
	return nil, false
}

// stored reports whether the next that the same connection did with the key
// was to store it, at once.
func (s *settler) stored(w *watchedRecord) bool {
	const atOnce = 1_000_000
	for i := s.out + 1; i < len(s.held); i++ {
		v := &s.held[i]
		if v.conn != w.conn {
			continue
		}
		return v.kind == watchedStore && v.Key == w.Key && v.Time-w.Time <= atOnce
	}
	return false
}
