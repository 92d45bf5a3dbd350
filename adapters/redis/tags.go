package redis

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"github.com/onefold-go/onefold/tier"
)

// The table of tags is one hash: its epoch, the history of the server that it was made
// in, the newest number, the floor, and the number of each tag. A server whose
// history is another one has restarted or taken over from a master: what its
// table says may be older than what was promised, so there is a new one.

const table = history + `
local function open(name, epoch)
  local id = history()
  if redis.call('HGET', name, 'history') ~= id then
    redis.call('DEL', name)
    redis.call('HSET', name, 'history', id, 'epoch', epoch, 'seq', '0', 'floor', '0')
  end
end
`

var (
	// KEYS: table. ARGV: the epoch of a new table.
	tagsScript = newScript(table + `
open(KEYS[1], ARGV[1])
return redis.call('HGETALL', KEYS[1])
`)

	// KEYS: table, note. ARGV: the epoch of a new table, how many tags there may
	// be, the tags.
	bumpScript = newScript(table + note + `
open(KEYS[1], ARGV[1])
local seq = redis.call('HINCRBY', KEYS[1], 'seq', 1)
for i = 3, #ARGV do redis.call('HSET', KEYS[1], 'tag:' .. ARGV[i], seq) end
if #ARGV < 3 then
  local kept = redis.call('HMGET', KEYS[1], 'history', 'epoch')
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'history', kept[1], 'epoch', kept[2], 'seq', seq, 'floor', seq)
end
if redis.call('HLEN', KEYS[1]) - 4 > tonumber(ARGV[2]) then
  local all, numbers = redis.call('HGETALL', KEYS[1]), {}
  for i = 1, #all, 2 do
    if string.sub(all[i], 1, 4) == 'tag:' then table.insert(numbers, tonumber(all[i + 1])) end
  end
  table.sort(numbers)
  local highest = numbers[math.floor((#numbers + 1) / 2)]
  for i = 1, #all, 2 do
    if string.sub(all[i], 1, 4) == 'tag:' and tonumber(all[i + 1]) <= highest then redis.call('HDEL', KEYS[1], all[i]) end
  end
  if highest > tonumber(redis.call('HGET', KEYS[1], 'floor')) then redis.call('HSET', KEYS[1], 'floor', string.format('%.0f', highest)) end
end
note(KEYS[2])
return redis.call('HGETALL', KEYS[1])
`)
)

// Tags is that of [tier.Tagger].
func (s *Store) Tags(ctx context.Context) (tier.TagTable, error) {
	if err := s.ready(ctx, ""); err != nil {
		return tier.TagTable{}, err
	}
	if s.undelivered.Any() {
		if _, tags, all := s.undelivered.List(); all || len(tags) > 0 {
			return s.Bump(ctx, tags...) // what the table ought to say
		}
	}
	t, err := readTable(s.run(ctx, tagsScript, []string{s.names.table()}, newEpoch()))
	return t, failure("Tags", err)
}

// Bump is that of [tier.Tagger]. After an error the table is not read any more
// before it has been raised, which is tried until Close.
func (s *Store) Bump(ctx context.Context, tags ...string) (tier.TagTable, error) {
	for _, tag := range tags {
		if err := checkKey(tag); err != nil {
			return tier.TagTable{}, err
		}
	}
	at := s.undelivered.Now()
	t, err := s.bump(ctx, tags)
	switch {
	case err != nil:
		s.undelivered.AddTags(tags...)
	case len(tags) == 0:
		s.undelivered.SettledAll(at)
	default:
		s.undelivered.Settled(nil, tags, at)
	}
	return t, err
}

func (s *Store) bump(ctx context.Context, tags []string) (tier.TagTable, error) {
	if err := s.ready(ctx, ""); err != nil {
		return tier.TagTable{}, err
	}
	args := append([]string{newEpoch(), strconv.Itoa(s.o.MaxTags)}, tags...)
	t, err := readTable(s.run(ctx, bumpScript, []string{s.names.table(), s.names.tableNote(s.owner)}, args...))
	return t, failure("Bump", err)
}

func newEpoch() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return strconv.FormatUint(binary.NativeEndian.Uint64(b[:])|1, 10)
}

func readTable(r rueidis.RedisResult) (tier.TagTable, error) {
	fields, err := r.AsStrMap()
	if err != nil {
		return tier.TagTable{}, err
	}
	t := tier.TagTable{Gens: make(map[string]uint64)}
	for name, text := range fields {
		if name == "history" {
			continue
		}
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return tier.TagTable{}, errAnswer
		}
		switch tag, ok := strings.CutPrefix(name, "tag:"); {
		case ok:
			t.Gens[tag] = n
		case name == "epoch":
			t.Epoch = n
		case name == "seq":
			t.Seq = n
		case name == "floor":
			t.Floor = n
		}
	}
	if t.Epoch == 0 {
		return tier.TagTable{}, errAnswer
	}
	return t, nil
}
