package trace

import (
	"bytes"
	"fmt"
)

// A KeyPart is a part of keys that might better not be in them, and how many
// different keys would be left without it. Both counts are of the same
// records, those that Keys tells of.
type KeyPart struct {
	Name string // such as "query parameter session" or "path part 3 (a number)"
	Keys uint64 // different keys without the part
}

// Keys are what was found out about the keys of records that read.
type Keys struct {
	Reads    uint64 // records that read
	Distinct uint64 // their different keys
	Exact    bool   // Distinct is exact, not an estimate within 2 %

	// The parts are looked at in the first of those records only.
	LookedAt         uint64
	LookedAtDistinct uint64
	Parts            []KeyPart
}

// Collapsing gives the parts without which a tenth of the keys or fewer would
// be left, of keys nearly all of which were asked for but once: they are likely
// no part of what is asked for. A request's id is the usual one. Nothing is
// said from fewer than a hundred records.
func (k Keys) Collapsing() []KeyPart {
	if k.LookedAt < 100 || k.LookedAtDistinct*2 < k.LookedAt {
		return nil
	}
	var parts []KeyPart
	for _, p := range k.Parts {
		if p.Keys*10 < k.LookedAtDistinct {
			parts = append(parts, p)
		}
	}
	return parts
}

const (
	lookedAt      = 1 << 20 // records whose keys are taken apart
	exactKeys     = 1 << 16
	exactVariants = 1 << 12
	maxVariants   = 24
)

// about finds out about keys as they are read: how many there are, which parts
// they have, what they hint at, and the names of those asked for most.
type about struct {
	hash     *hasher
	reads    uint64
	distinct *Distinct

	partsReads    uint64
	partsDistinct *Distinct
	variants      []*variant
	scratch       []byte
	cuts          []cut

	// Most accesses are of few keys. What was found out about the latest need
	// not be found out again.
	recent [1 << recentBits]recentKey

	names *heads // nil unless asked for
}

const recentBits = 13

type recentKey struct {
	key     uint64
	hints   Hints
	counted bool // as one that is read
}

// A variant is the keys without one part.
type variant struct {
	name     string
	param    string // a query parameter; empty for others
	place    int    // of a path part, from 1; 0 for others
	query    bool   // the whole query
	distinct *Distinct
	hash     uint64 // of the key being looked at
}

func newAbout(h *hasher, names int) *about {
	a := &about{hash: h, distinct: newDistinct(exactKeys), partsDistinct: newDistinct(exactKeys)}
	if names > 0 {
		a.names = newHeads(names)
	}
	return a
}

// count counts a key that is but a number.
func (a *about) count(h uint64) {
	a.reads++
	a.distinct.add(h)
	if a.partsReads < lookedAt {
		a.partsReads++
		a.partsDistinct.add(h)
	}
}

// look counts a key and gives the hints in its text.
func (a *about) look(key []byte, h uint64, op Op) Hints {
	c := &a.recent[h>>(64-recentBits)]
	if c.key != h {
		*c = recentKey{key: h, hints: personal(key)}
	}
	if op != Read {
		return c.hints
	}
	a.reads++
	early := a.partsReads < lookedAt
	if early {
		a.partsReads++
	}
	if !c.counted {
		c.counted = true
		a.distinct.add(h)
		if early {
			a.takeApart(key, h)
		}
	}
	if a.names != nil {
		a.names.add(h, key)
	}
	return c.hints
}

func (a *about) report() Keys {
	k := Keys{
		Reads: a.reads, Distinct: a.distinct.Count(), Exact: a.distinct.Exact(),
		LookedAt: a.partsReads, LookedAtDistinct: a.partsDistinct.Count(),
	}
	for _, v := range a.variants {
		k.Parts = append(k.Parts, KeyPart{Name: v.name, Keys: v.distinct.Count()})
	}
	return k
}

// A cut is a part of a key that a variant leaves out: key[from:to].
type cut struct {
	v        *variant
	from, to int
}

// takeApart counts the key without each of its parts.
func (a *about) takeApart(key []byte, h uint64) {
	path, query := key, []byte(nil)
	at := 0
	if i := bytes.IndexByte(key, '?'); i >= 0 {
		path, query = key[:i], key[i+1:]
		at = i
	}
	a.cuts = a.cuts[:0]
	a.pathCuts(path)
	if query != nil {
		a.queryCuts(query, at)
	}
	a.partsDistinct.add(h)
	for _, v := range a.variants {
		v.hash = h
	}
	for i := 0; i < len(a.cuts); i++ {
		v := a.cuts[i].v
		if v.hash != h {
			continue // a parameter that is given twice: done with the first
		}
		b, from := a.scratch[:0], 0
		for _, c := range a.cuts[i:] {
			if c.v == v {
				b = append(b, key[from:c.from]...)
				b = append(b, keySeparator) // so that what is left is no other key
				from = c.to
			}
		}
		b = append(b, key[from:]...)
		a.scratch = b
		v.hash = a.hash.bytes(b)
	}
	for _, v := range a.variants {
		v.distinct.add(v.hash)
	}
}

func (a *about) queryCuts(query []byte, at int) {
	if v := a.variant(func(v *variant) bool { return v.query }, func(v *variant) { v.query, v.name = true, "the query string" }); v != nil {
		a.cuts = append(a.cuts, cut{v, at, at + 1 + len(query)})
	}
	for from := at + 1; len(query) > 0; {
		param := query
		if i := bytes.IndexByte(query, '&'); i >= 0 {
			param, query = query[:i], query[i+1:]
		} else {
			query = nil
		}
		if name := paramName(param); name != nil {
			v := a.variant(
				func(v *variant) bool { return v.param == string(name) },
				func(v *variant) { v.param, v.name = string(name), "query parameter "+string(name) })
			if v != nil {
				a.cuts = append(a.cuts, cut{v, from, from + len(param)})
			}
		}
		from += len(param) + 1
	}
}

// paramName gives the name of a parameter such as page=2, or nil: what has no
// value, or no proper name, may be a value itself and is not to be shown.
func paramName(param []byte) []byte {
	i := bytes.IndexByte(param, '=')
	if i <= 0 || i > 40 {
		return nil
	}
	for _, c := range param[:i] {
		if c != '_' && c != '-' && c != '.' && c != '[' && c != ']' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return nil
		}
	}
	return param[:i]
}

// pathCuts finds what looks like an id in a path, or in a key with another
// separator. A key that is but one id has no part to leave out.
func (a *about) pathCuts(path []byte) {
	sep := byte('/')
	switch {
	case bytes.IndexByte(path, '/') >= 0:
	case bytes.IndexByte(path, ':') >= 0:
		sep = ':'
	case bytes.IndexByte(path, keySeparator) >= 0:
		sep = keySeparator
	case bytes.IndexByte(path, '|') >= 0:
		sep = '|'
	default:
		return
	}
	place := 0
	for from := 0; from < len(path); {
		to := len(path)
		if i := bytes.IndexByte(path[from:], sep); i >= 0 {
			to = from + i
		}
		if to > from {
			place++
			if kind := idKind(path[from:to]); kind != "" && place <= 12 {
				v := a.variant(
					func(v *variant) bool { return v.place == place },
					func(v *variant) { v.place, v.name = place, fmt.Sprintf("part %d of the path (%s)", place, kind) })
				if v != nil {
					a.cuts = append(a.cuts, cut{v, from, to})
				}
			}
		}
		from = to + 1
	}
}

// variant finds one or makes it. All keys so far had not its part, so that it
// begins with what all of them count.
func (a *about) variant(is func(*variant) bool, name func(*variant)) *variant {
	for _, v := range a.variants {
		if is(v) {
			return v
		}
	}
	if len(a.variants) == maxVariants {
		return nil
	}
	v := &variant{distinct: a.partsDistinct.clone(exactVariants)}
	name(v)
	a.variants = append(a.variants, v)
	return v
}

// idKind says what kind of id a part of a path looks like; empty for none.
func idKind(b []byte) string {
	digits, hex, letters, dashes := 0, 0, 0, 0
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			hex++
		case c|0x20 >= 'g' && c|0x20 <= 'z':
			letters++
		case c == '-' || c == '_':
			dashes++
		default:
			return ""
		}
	}
	n := len(b)
	switch {
	case digits == n:
		return "a number"
	case n == 36 && dashes == 4 && letters == 0 && b[8] == '-' && b[13] == '-' && b[18] == '-' && b[23] == '-':
		return "a UUID"
	case n >= 8 && digits > 0 && dashes == 0 && letters == 0:
		return "hexadecimal"
	case n >= 8 && digits >= 4 && digits*4 >= n:
		return "an id"
	default:
		return ""
	}
}

// Parts of a path that speak of who is asking.
var personalParts = map[string]bool{
	"me": true, "self": true, "session": true, "sessions": true, "cart": true, "basket": true, "token": true,
	"tokens": true, "account": true, "myaccount": true, "checkout": true, "inbox": true, "whoami": true,
	"userinfo": true, "profile": true, "my": true, "mine": true, "auth": true, "login": true, "logout": true,
	"jsessionid": true, "phpsessid": true, "sid": true, "access_token": true, "session_id": true, "sessionid": true,
	"auth_token": true, "api_key": true, "apikey": true,
}

// personalLengths are the lengths of those that begin with a letter, one bit
// each: most parts need not be looked up.
var personalLengths = func() (lengths [256]uint32) {
	for part := range personalParts {
		lengths[part[0]] |= 1 << len(part)
	}
	return lengths
}()

// personal looks for such parts.
func personal(key []byte) Hints {
	if len(key) > 4096 {
		key = key[:4096]
	}
	var lower [16]byte
	for from := 0; from < len(key); {
		to := from
		for to < len(key) && !between(key[to]) {
			to++
		}
		if n := to - from; n >= 2 && n <= len(lower) {
			for i, c := range key[from:to] {
				if c >= 'A' && c <= 'Z' {
					c |= 0x20
				}
				lower[i] = c
			}
			if personalLengths[lower[0]]&(1<<n) != 0 && personalParts[string(lower[:n])] {
				return PersonalPath
			}
		}
		from = to + 1
	}
	return 0
}

func between(c byte) bool {
	switch c {
	case '/', '?', '&', '=', ':', ';', '|', keySeparator:
		return true
	default:
		return false
	}
}
