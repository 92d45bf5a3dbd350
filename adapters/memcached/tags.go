package memcached

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/onefold-go/onefold/adapters/memcached/internal/meta"
	"github.com/onefold-go/onefold/tier"
)

// The table of tags is one item, so that it is evicted as a whole or not at
// all. Its value is
//
//	epoch, seq, floor  8 bytes each
//	and for each tag   its generation and length (uvarint), and the tag
//
// Bump reads it, and writes it back if it is still the same. The newest tag
// stands first, so that half of a table is its newer half.

const tableFlags = magic | version | 8

// tableShare is the part of the largest value that the table may have.
const tableShare = 2

// A table is a tier.TagTable that remembers in which order its tags stand.
type table struct {
	tier.TagTable
	order []string // newest first
}

func newTable() table {
	return table{TagTable: tier.TagTable{Epoch: rand.Uint64() | 1, Gens: map[string]uint64{}}} //nolint:gosec // no secret
}

// size gives the most that encode makes.
func (t table) size() int {
	n := 24
	for _, tag := range t.order {
		n += 2*binary.MaxVarintLen64 + len(tag)
	}
	return n
}

func (t table) encode() []byte {
	b := make([]byte, 0, t.size())
	for _, n := range []uint64{t.Epoch, t.Seq, t.Floor} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	for _, tag := range t.order {
		b = binary.AppendUvarint(b, t.Gens[tag])
		b = binary.AppendUvarint(b, uint64(len(tag)))
		b = append(b, tag...)
	}
	return b
}

// decodeTable reads a table; ok is false if it is none.
func decodeTable(b []byte) (t table, ok bool) {
	if len(b) < 24 {
		return table{}, false
	}
	t.Epoch, t.Seq, t.Floor = binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(b[16:])
	t.Gens = make(map[string]uint64)
	b = b[24:]
	next := func() (n uint64) {
		n, used := binary.Uvarint(b)
		if used <= 0 {
			b, ok = nil, false
			return 0
		}
		b = b[used:]
		return n
	}
	ok = t.Epoch != 0
	for ok && len(b) > 0 {
		gen, length := next(), next()
		if !ok || length > uint64(len(b)) {
			return table{}, false
		}
		tag := string(b[:length])
		b = b[length:]
		t.Gens[tag] = gen
		t.order = append(t.order, tag)
	}
	return t, ok
}

// bump raises the sequence for tags, or without tags the floor, and keeps to
// the limits.
func (t *table) bump(tags []string, maxTags, maxBytes int) {
	t.Seq++
	if len(tags) == 0 {
		t.Floor, t.order = t.Seq, nil
		clear(t.Gens)
		return
	}
	for _, tag := range tags {
		t.Gens[tag] = t.Seq
	}
	tags = slices.Clone(tags)
	slices.Sort(tags)
	tags = slices.Compact(tags)
	t.order = slices.DeleteFunc(t.order, func(tag string) bool {
		_, again := slices.BinarySearch(tags, tag)
		return again
	})
	t.order = append(tags, t.order...)
	for len(t.order) > 0 && (len(t.order) > maxTags || t.size() > maxBytes) {
		half := len(t.order) / 2
		for _, tag := range t.order[half:] {
			t.Floor = max(t.Floor, t.Gens[tag])
			delete(t.Gens, tag)
		}
		t.order = t.order[:half]
	}
}

// Tags is that of [tier.Tagger].
func (s *Store) Tags(ctx context.Context) (tier.TagTable, error) {
	if missed := s.missed(tagsKey(s.cfg.Prefix)); missed.Any() {
		if _, tags, all := missed.List(); all || len(tags) > 0 {
			return s.Bump(ctx, tags...) // what the table ought to say
		}
	}
	return s.table(ctx, nil)
}

// Bump is that of [tier.Tagger]. It reads the table and writes it back, and
// again where another process was faster. After an error the table is not read
// any more before it has been raised, which is tried until Close; without tags,
// nothing is.
func (s *Store) Bump(ctx context.Context, tags ...string) (tier.TagTable, error) {
	at := s.marks()
	t, err := s.raise(ctx, tags)
	missed := s.missed(tagsKey(s.cfg.Prefix))
	switch {
	case len(tags) == 0:
		for i, n := range s.nodes {
			if err != nil {
				n.missed.AddTags()
			} else {
				n.missed.SettledAll(at[i])
			}
		}
	case err != nil:
		missed.AddTags(tags...)
	default:
		missed.Settled(nil, tags, at[s.ring.server(tagsKey(s.cfg.Prefix))])
	}
	return t, err
}

func (s *Store) raise(ctx context.Context, tags []string) (tier.TagTable, error) {
	if err := ctx.Err(); err != nil {
		return tier.TagTable{}, err
	}
	select {
	case s.tagging <- struct{}{}: // this process does not race with itself
		defer func() { <-s.tagging }()
	case <-ctx.Done():
		return tier.TagTable{}, ctx.Err()
	}
	return s.table(ctx, func(t *table, conn *meta.Conn) {
		t.bump(tags, s.cfg.MaxTags, conn.MaxValue/tableShare)
	})
}

// table gives the table as it is, or as change makes it.
func (s *Store) table(ctx context.Context, change func(*table, *meta.Conn)) (tier.TagTable, error) {
	key := tagsKey(s.cfg.Prefix)
	for try := 1; ; try++ {
		t, ok, err := s.tryTable(ctx, key, change)
		if ok || err != nil {
			return t.TagTable, err
		}
		if try > tableTries {
			return tier.TagTable{}, s.fault(ctx, key, errTable)
		}
		pause(ctx, jittered(time.Duration(math.Min(float64(try), 10))*time.Millisecond))
	}
}

// tryTable is one attempt at that. Where it is not ok, another process was
// faster.
func (s *Store) tryTable(ctx context.Context, key string, change func(*table, *meta.Conn)) (t table, ok bool, err error) {
	// Both commands go over one connection: behind them is one server, and its
	// CAS has not begun anew between them.
	conn, ended, err := s.reach(ctx, key)
	if err != nil {
		return table{}, false, s.fault(ctx, key, err)
	}
	defer func() { ended(err) }()
	reply, err := s.doOn(ctx, conn, meta.Command{Verb: meta.Get, Key: key})
	if err != nil {
		return table{}, false, err
	}
	command := meta.Command{Verb: meta.Set, Key: key, Flags: tableFlags, Add: true, NewCAS: newCAS()}
	t = newTable()
	if reply.Status == meta.Done {
		command.Add, command.CAS = false, reply.CAS
		if found, is := decodeTable(reply.Value); is && reply.Flags == tableFlags {
			t, ok = found, true
		}
	}
	if ok && change == nil {
		return t, true, nil
	}
	if change != nil {
		change(&t, conn)
	}
	command.Value = t.encode()
	reply, err = s.doOn(ctx, conn, command)
	if err != nil {
		return table{}, false, err
	}
	return t, reply.Status == meta.Done, nil
}

// tableTries is how often a table is written that others change meanwhile.
const tableTries = 1000

var errTable = errors.New("others changed the table of tags each time it was to be changed")
