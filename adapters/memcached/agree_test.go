package memcached_test

import (
	"crypto/md5"
	"fmt"
	"strings"
	"testing"

	"github.com/onefold-go/onefold/adapters/memcached"
	"github.com/onefold-go/onefold/foldtest"
)

// What processes, of other versions and in other languages, must agree on.

// The numbers are those of memcached_generate_hash of libmemcached 1.1.4, with
// MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED.
func TestRingIsThatOfLibmemcached(t *testing.T) {
	keys := func(n int) (keys []string) {
		for i := range n {
			keys = append(keys, fmt.Sprint("p:kkey", i))
		}
		return keys
	}
	for _, tt := range []struct {
		servers []string
		want    string
	}{
		{
			[]string{"10.0.0.1:11211", "10.0.0.2:11211", "10.0.0.3:11211"},
			"111011021011121111011200200000110200121111001112001012022120",
		},
		{
			[]string{"cache-a:11211", "cache-b:11212", "cache-c:22222", "cache-d:11211"},
			"011113102133300232102030212202222231103303010102310120003120",
		},
	} {
		place, got := memcached.Ring(tt.servers), ""
		for _, key := range keys(len(tt.want)) {
			got += fmt.Sprint(place(key))
		}
		if got != tt.want {
			t.Errorf("%v: the keys are at\n%s, want\n%s", tt.servers, got, tt.want)
		}
	}

	// The MD5 of the places of a thousand keys, with commas between.
	for n, want := range map[int]string{2: "2da91fff2cc6bb60967d13e0c22e3ee3", 7: "c0ac3557d5cc27f170d6be36e25edd77", 25: "a457dd35840118242436341f53c34c8c"} {
		var servers, places []string
		for i := range n {
			port := 11211
			if i%3 == 0 {
				port = 11300 + i
			}
			servers = append(servers, fmt.Sprintf("cache-%d:%d", i, port))
		}
		place := memcached.Ring(servers)
		for _, key := range keys(1000) {
			places = append(places, fmt.Sprint(place(key)))
		}
		if got := fmt.Sprintf("%x", md5.Sum([]byte(strings.Join(places, ",")))); got != want {
			t.Errorf("%d servers: %s, want %s", n, got, want)
		}
	}
}

func TestRingDoesNotCareForOrder(t *testing.T) {
	a, b := memcached.Ring([]string{"a:1", "b:1", "[::1]:1"}), memcached.Ring([]string{"[::1]:1", "a:1", "b:1"})
	for i := range 1000 {
		key := fmt.Sprint(i)
		if got, want := b(key), (a(key)+1)%3; got != want {
			t.Fatalf("key %s is at %d of the other order, want %d", key, got, want)
		}
	}
}

// SPEC: S04
func TestKeysOnTheWire(t *testing.T) {
	long := strings.Repeat("x", 300)
	for key, want := range map[string]string{
		"":                         "p:k",
		"user:1":                   "p:kuser:1",
		"a b":                      "p:bYSBi",
		"\x00\x01\xff":             "p:bAAH_",
		"é":                        "p:bw6k",
		strings.Repeat("x", 247):   "p:k" + strings.Repeat("x", 247),
		strings.Repeat("x", 248):   "p:hx_myRESMNWp8XIMQyRQqo0rk2SKYjBzYvWlDqly_RIk",
		strings.Repeat("\n", 185):  "p:b" + strings.Repeat("CgoK", 61) + "Cgo",
		strings.Repeat("\n", 1000): "",
		long:                       "",
	} {
		got := memcached.Wire("p:", key)
		if want != "" && got != want {
			t.Errorf("%.20q is %q, want %q", key, got, want)
		}
		if len(got) > 250 || strings.ContainsFunc(got, func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Errorf("%.20q is %q, which memcached does not take", key, got)
		}
	}
}

func FuzzWire(f *testing.F) {
	for _, s := range []string{"", "a", "a b", "YSBi", "\x00", strings.Repeat("x", 247), strings.Repeat("x", 248), strings.Repeat("é", 100)} {
		f.Add(s, "b"+s)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		wa, wb := memcached.Wire("p:", a), memcached.Wire("p:", b)
		if (wa == wb) != (a == b) {
			t.Errorf("%q is %q and %q is %q", a, wa, b, wb)
		}
		if len(wa) > 250 || len(wa) < 3 {
			t.Errorf("%q is %q", a, wa)
		}
		for i := range len(wa) {
			if wa[i] <= ' ' || wa[i] > '~' {
				t.Fatalf("%q is %q", a, wa)
			}
		}
	})
}

func TestWireTellsKeysApart(t *testing.T) {
	foldtest.CheckKey(t, func(dst []byte, key string) []byte { return append(dst, memcached.Wire("p:", key)...) },
		"", "a", "A", "a b", "YSBi", "bYSBi", "\x00", strings.Repeat("x", 247), strings.Repeat("x", 248), strings.Repeat("x", 249))
}
