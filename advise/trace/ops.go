package trace

import "bytes"

// What operations and methods do to their key, by their names in capitals. A
// HEAD or an OPTIONS has another answer than a GET of the same target, and a
// POST mostly gives its target no value: neither is simulated.
var opNames = map[string]Op{
	"GET": Read, "READ": Read, "GETS": Read, "MGET": Read, "GET_LEASE": Read, "LOAD": Read, "FETCH": Read,
	"LOOKUP": Read, "QUERY": Read, "SELECT": Read, "ITEM_GET": Read, "REST.GET.OBJECT": Read, "HIT": Read, "MISS": Read,
	"HGET": Read, "HMGET": Read, "HGETALL": Read, "GETRANGE": Read, "STRLEN": Read, "SMEMBERS": Read, "ZRANGE": Read,
	"LRANGE": Read, "GETEX": Read, "GAT": Read, "GATS": Read, "MG": Read,

	"PUT": Write, "PATCH": Write, "WRITE": Write, "SET": Write, "ADD": Write, "REPLACE": Write, "CAS": Write,
	"APPEND": Write, "PREPEND": Write, "INCR": Write, "DECR": Write, "INCRBY": Write, "DECRBY": Write, "UPDATE": Write,
	"INSERT": Write, "STORE": Write, "ITEM_STORE": Write, "SET_LEASE": Write, "REST.PUT.OBJECT": Write, "REST.COPY.OBJECT": Write,
	"SETEX": Write, "PSETEX": Write, "SETNX": Write, "GETSET": Write, "HSET": Write, "HMSET": Write, "SADD": Write,
	"ZADD": Write, "LPUSH": Write, "RPUSH": Write, "MS": Write, "W": Write,

	"DELETE": Delete, "DEL": Delete, "UNLINK": Delete, "GETDEL": Delete, "REMOVE": Delete, "INVALIDATE": Delete,
	"REST.DELETE.OBJECT": Delete, "MD": Delete, "R": Read,
}

// SCSI opcodes in hexadecimal.
var scsiNames = map[string]Op{
	"8": Read, "08": Read, "28": Read, "A8": Read, "88": Read,
	"A": Write, "0A": Write, "2A": Write, "AA": Write, "8A": Write, "2E": Write,
}

// An opFilter says what an operation does and whether its records are kept. It
// remembers the last one it saw, for most of a file are the same.
type opFilter struct {
	kept map[string]bool // in capitals; nil for all

	last   []byte
	op     Op
	keep   bool
	unsafe bool // the last one was a POST, PUT, PATCH or DELETE
}

func newOpFilter(names []string) opFilter {
	var f opFilter
	if len(names) > 0 {
		f.kept = make(map[string]bool)
		for _, n := range names {
			f.kept[string(bytes.ToUpper([]byte(n)))] = true
		}
	}
	return f
}

func (f *opFilter) of(name []byte, scsi bool) (op Op, keep bool) {
	if dash(name) {
		f.unsafe = false
		return Read, f.kept == nil
	}
	if bytes.Equal(name, f.last) {
		return f.op, f.keep
	}
	f.last = append(f.last[:0], name...)
	upper := bytes.ToUpper(name)
	names := opNames
	if scsi {
		names = scsiNames
	}
	var known bool
	if f.op, known = names[string(upper)]; !known {
		f.op = Other
	}
	f.keep = f.kept == nil || f.kept[string(upper)]
	switch string(upper) {
	case "POST", "PUT", "PATCH", "DELETE":
		f.unsafe = !scsi
	default:
		f.unsafe = false
	}
	return f.op, f.keep
}

// A cacheWord reads what a cache said, and remembers the last word.
type cacheWord struct {
	last   []byte
	status CacheStatus
}

func (c *cacheWord) of(word []byte) CacheStatus {
	if bytes.Equal(word, c.last) {
		return c.status
	}
	c.last = append(c.last[:0], word...)
	c.status = cacheStatus(word)
	return c.status
}

// cacheStatus reads the words of nginx, Varnish, Squid, memcached and the large
// content networks. A value that was asked for again at its origin is a miss:
// a load was made.
func cacheStatus(word []byte) CacheStatus {
	w := string(bytes.ToLower(word))
	has := func(s string) bool { return bytes.Contains([]byte(w), []byte(s)) }
	switch {
	case w == "" || w == "-":
		return NoCache
	case w == "1" || w == "true" || w == "found":
		return Hit
	case w == "0" || w == "false" || w == "not_found" || w == "flushed":
		return Miss
	case has("stale") || has("updating"):
		return Stale
	case has("miss") || has("expired") || has("revalid") || has("refresh"):
		return Miss
	case has("hit"):
		return Hit
	case has("bypass") || has("dynamic") || has("pass") || has("ignored") || has("none"):
		return Bypass
	default:
		return NoCache
	}
}
