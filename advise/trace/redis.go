package trace

import (
	"bytes"
	"errors"
	"strconv"
)

var errRedis = errors.New("the line is none of MONITOR's")

// A redisLine splits what Redis's MONITOR prints:
//
//	1339518083.107412 [0 127.0.0.1:60866] "GET" "user:1"
//
// A SET that gives its key a time to live tells the TTL.
type redisLine struct {
	args    [][]byte
	scratch []byte
	name    []byte // of the command, in capitals
	ttl     []byte
}

func (m *redisLine) split(line []byte, f *fields) error {
	if string(line) == "OK" {
		return errPassed
	}
	i := bytes.IndexByte(line, ' ')
	if i < 0 || i+1 >= len(line) || line[i+1] != '[' {
		return errRedis
	}
	f.col[timeRole] = line[:i]
	line = line[i+2:]
	// An address in version 6 has brackets of its own.
	end := bytes.Index(line, []byte(`] "`))
	if end < 0 {
		return errRedis
	}
	where := line[:end]
	line = line[end+2:]
	if i := bytes.IndexByte(where, ' '); i >= 0 {
		db := where[:i]
		f.col[clientRole] = where[i+1:]
		if string(db) != "0" {
			f.col[tenantRole] = db // keys of another database are other keys
		}
	}
	if !m.words(line) || len(m.args) == 0 {
		return errRedis
	}
	m.name = append(m.name[:0], m.args[0]...)
	for i, c := range m.name {
		if c >= 'a' && c <= 'z' {
			m.name[i] = c - 'a' + 'A'
		}
	}
	args := m.args[1:]
	f.col[opRole] = m.args[0]
	if len(args) == 0 {
		return errPassed
	}
	f.key[0] = args[0]
	switch string(m.name) {
	case "MGET", "DEL", "UNLINK":
		f.keys = append(f.keys, args[1:]...)
	case "SET", "GETEX":
		for i := 1; i+1 < len(args); i++ {
			m.option(args[i], args[i+1], f)
		}
	case "SETEX":
		m.option([]byte("EX"), args[min(1, len(args)-1)], f)
	case "PSETEX":
		m.option([]byte("PX"), args[min(1, len(args)-1)], f)
	case "MSET":
		for i := 2; i < len(args); i += 2 {
			f.keys = append(f.keys, args[i])
		}
		f.col[opRole] = []byte("SET")
	case "SELECT", "AUTH", "PING", "INFO", "CONFIG", "CLIENT", "COMMAND", "HELLO", "SUBSCRIBE", "PUBLISH", "EVAL",
		"EVALSHA", "MULTI", "EXEC", "KEYS", "SCAN", "MONITOR", "REPLCONF", "PSYNC", "CLUSTER", "SCRIPT", "WATCH":
		return errPassed // about no key, or about none that can be told
	}
	return nil
}

// option takes a TTL in seconds or milliseconds.
func (m *redisLine) option(name, value []byte, f *fields) {
	if len(name) != 2 || name[1]|0x20 != 'x' {
		return
	}
	n, ok := count(value)
	if !ok || n > 1<<40 {
		return
	}
	switch name[0] | 0x20 {
	case 'e':
		n *= 1000
	case 'p':
	default:
		return
	}
	m.ttl = strconv.AppendInt(m.ttl[:0], n, 10)
	f.col[ttlRole] = m.ttl
}

// words takes the arguments in quotes apart. Escapes matter only in keeping
// keys apart, so but for quotes and backslashes they stay as they are.
func (m *redisLine) words(b []byte) bool {
	m.args, m.scratch = m.args[:0], m.scratch[:0]
	for {
		for len(b) > 0 && b[0] == ' ' {
			b = b[1:]
		}
		if len(b) == 0 {
			return true
		}
		if b[0] != '"' {
			return false
		}
		b = b[1:]
		end := bytes.IndexByte(b, '"')
		if end < 0 {
			return false
		}
		if bytes.IndexByte(b[:end], '\\') < 0 {
			m.args = append(m.args, b[:end])
			b = b[end+1:]
			continue
		}
		from, i := len(m.scratch), 0
		for ; i < len(b) && b[i] != '"'; i++ {
			if b[i] == '\\' && i+1 < len(b) && (b[i+1] == '"' || b[i+1] == '\\') {
				i++
			}
			m.scratch = append(m.scratch, b[i])
		}
		if i == len(b) {
			return false
		}
		m.args = append(m.args, m.scratch[from:len(m.scratch):len(m.scratch)])
		b = b[i+1:]
	}
}
