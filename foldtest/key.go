package foldtest

import (
	"bytes"
	"testing"

	"github.com/onefold-go/onefold/codec"
)

// CheckKey holds key to the contract of [codec.Key] on keys: different keys
// have different encodings, a key has one, and it stands behind what is in dst.
// Give it keys that are close: parts that move from one field to the next,
// empty ones, separators.
func CheckKey[K comparable](t testing.TB, key codec.Key[K], keys ...K) {
	t.Helper()
	const dst = "dst"
	seen := make(map[string]K)
	for _, k := range keys {
		encoded := key(append(make([]byte, 0, 1024), dst...), k)
		if !bytes.HasPrefix(encoded, []byte(dst)) {
			t.Errorf("the encoding of %+v begins with %q, want it behind what is in dst", k, encoded[:min(len(encoded), len(dst))])
			continue
		}
		encoded = encoded[len(dst):]
		if again := key(nil, k); !bytes.Equal(again, encoded) {
			t.Errorf("%+v is encoded as %q and then as %q, want the same each time", k, encoded, again)
		}
		if other, taken := seen[string(encoded)]; taken && other != k {
			t.Errorf("%+v and %+v are both encoded as %q, want different encodings", other, k, encoded)
		}
		seen[string(encoded)] = k
	}
}
