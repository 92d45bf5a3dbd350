package memcached

import (
	"crypto/sha256"
	"encoding/base64"
)

// maxKey is memcached's limit.
const maxKey = 250

// wire gives key as memcached knows it: prefix, a letter, and
//
//	k  the key itself, if it has printable ASCII alone and there is room for it
//	b  in base64 (RFC 4648, section 5, not padded), if there is room for that
//	h  its SHA-256, likewise
//
// Two keys share a wire key only if SHA-256 has a collision; the envelope of
// each value names its key all the same.
func wire(prefix, key string) string {
	room := maxKey - len(prefix) - 1
	switch {
	case len(key) <= room && plain(key):
		return prefix + "k" + key
	case base64.RawURLEncoding.EncodedLen(len(key)) <= room:
		return prefix + "b" + base64.RawURLEncoding.EncodeToString([]byte(key))
	default:
		sum := sha256.Sum256([]byte(key))
		return prefix + "h" + base64.RawURLEncoding.EncodeToString(sum[:])
	}
}

// maxPrefix leaves room for a hash.
const maxPrefix = 150

// tagsKey is where the table of tags is; no key of a cache leads there.
func tagsKey(prefix string) string { return prefix + "t" }

// plain reports whether s is printable ASCII without spaces.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
