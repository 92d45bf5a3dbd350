package redis

import (
	"context"
	"crypto/sha1" //nolint:gosec // it is how Redis names scripts
	"encoding/hex"
	"errors"

	"github.com/redis/rueidis"
)

// A script is one step of the server: nothing comes between its commands. It is
// sent by its hash, and in full to a server that does not know it yet.
//
// (rueidis.Lua does the same for one call. For many it first loads the script
// on every server, each time.)
type script struct {
	text, sha string
}

func newScript(text string) *script {
	sum := sha1.Sum([]byte(text)) //nolint:gosec // likewise
	return &script{text: text, sha: hex.EncodeToString(sum[:])}
}

// What several scripts need.
const (
	// history gives half of the random id that a server gives the history of
	// its data. It has a new one when it starts, and when it becomes the master.
	history = `
local function history()
  local id = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
  if not id then error('the server does not tell its master_replid') end
  return string.sub(id, 1, 16)
end
`
	// value gives what is stored, and nothing where that is larger than anything
	// this process would store: it is not to be sent.
	value = `
local function value(name, most)
  return redis.call('STRLEN', name) <= tonumber(most) and redis.call('GET', name)
end
`
	// note tells all who listen of a change: it is written and deleted in the
	// same step, and what the server sends them is its name. It comes after a
	// change that needs no memory, or a server that is full would refuse it.
	note = `
local function note(name)
  redis.call('SET', name, '')
  redis.call('DEL', name)
end
`
	// mark stands in the place of a lease where the last holder failed.
	mark = "!"
)

var (
	// KEYS: value. ARGV: the most bytes of a value.
	getScript = newScript(value + `
local data = value(KEYS[1], ARGV[1])
return {data, data and redis.call('PTTL', KEYS[1])}
`)

	// KEYS: value, lease. ARGV: the most bytes of a value, a new token, how long
	// its lease lasts, how much time an item has left that comes with a lease,
	// the token to replace.
	acquireScript = newScript(history + value + `
local data = value(KEYS[1], ARGV[1])
local left = data and redis.call('PTTL', KEYS[1])
local held = redis.call('GET', KEYS[2])
if not held or held ~= ARGV[5] then
  if data and (left < 0 or left >= tonumber(ARGV[4])) then return {data, left, 'item'} end
  if held == '` + mark + `' then return {data, left, 'self'} end
  if held then return {data, left, 'held', redis.call('PTTL', KEYS[2])} end
end
local id = history()
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return {data, left, 'lease', id}
`)

	// KEYS: value, lease, note. ARGV: token, history, data, TTL or 0.
	fillScript = newScript(history + note + `
if redis.call('GET', KEYS[2]) ~= ARGV[1] or history() ~= ARGV[2] then return 0 end
if ARGV[4] == '0' then
  redis.call('SET', KEYS[1], ARGV[3])
else
  redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
end
redis.call('DEL', KEYS[2])
note(KEYS[3])
return 1
`)

	// KEYS: lease. ARGV: a new token, how long its lease lasts. Whoever had the
	// lease has it no more.
	claimScript = newScript(history + `
local id = history()
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return id
`)

	// KEYS: value, lease, note.
	deleteScript = newScript(note + `
redis.call('DEL', KEYS[1], KEYS[2])
note(KEYS[3])
return 1
`)

	// KEYS: lease, note. ARGV: token, how long the mark stays or 0.
	releaseScript = newScript(note + `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
if ARGV[2] ~= '0' then redis.call('SET', KEYS[1], '` + mark + `', 'PX', ARGV[2]) end
note(KEYS[2])
return 1
`)

	// KEYS: lease. ARGV: token, history, how long the lease lasts.
	renewScript = newScript(history + `
if redis.call('GET', KEYS[1]) ~= ARGV[1] or history() ~= ARGV[2] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[3])
`)
)

// A call is one run of a script.
type call struct {
	keys, args []string
}

// run runs a script once.
func (s *Store) run(ctx context.Context, sc *script, keys []string, args ...string) rueidis.RedisResult {
	r := s.do(ctx, s.bySHA(sc, call{keys, args}))
	if unknown(r) {
		r = s.do(ctx, s.inFull(sc, call{keys, args}))
	}
	return r
}

// runMany runs a script for each call, in one exchange with each server.
func (s *Store) runMany(ctx context.Context, sc *script, calls []call) []rueidis.RedisResult {
	cmds := make([]rueidis.Completed, len(calls))
	for i, c := range calls {
		cmds[i] = s.bySHA(sc, c)
	}
	results := s.doMany(ctx, cmds)
	var again []int
	cmds = cmds[:0]
	for i, r := range results {
		if unknown(r) {
			again = append(again, i)
			cmds = append(cmds, s.inFull(sc, calls[i]))
		}
	}
	if len(again) > 0 {
		for i, r := range s.doMany(ctx, cmds) {
			results[again[i]] = r
		}
	}
	return results
}

func (s *Store) bySHA(sc *script, c call) rueidis.Completed {
	return s.client.B().Evalsha().Sha1(sc.sha).Numkeys(int64(len(c.keys))).Key(c.keys...).Arg(c.args...).Build()
}

func (s *Store) inFull(sc *script, c call) rueidis.Completed {
	return s.client.B().Eval().Script(sc.text).Numkeys(int64(len(c.keys))).Key(c.keys...).Arg(c.args...).Build()
}

// unknown reports whether the server does not know the script yet.
func unknown(r rueidis.RedisResult) bool {
	var err *rueidis.RedisError
	return errors.As(r.Error(), &err) && err.IsNoScript()
}
