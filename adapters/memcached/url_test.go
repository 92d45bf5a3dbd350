package memcached_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/onefold-go/onefold/adapters/memcached"
)

func TestParseURL(t *testing.T) {
	for url, want := range map[string]memcached.Config{
		"memcached://localhost":                  {Servers: []string{"localhost:11211"}},
		"memcached://a,b:11212,[::1],[::2]:1/":   {Servers: []string{"a:11211", "b:11212", "[::1]:11211", "[::2]:1"}},
		"memcached://user:p%40ss:w%2Ford@a":      {Servers: []string{"a:11211"}, Username: "user", Password: "p@ss:w/ord"},
		"memcached://a?prefix=users:&conns=3":    {Servers: []string{"a:11211"}, Prefix: "users:", Conns: 3},
		"memcached://a/?timeout=2s&max-value=10": {Servers: []string{"a:11211"}, Timeout: 2 * time.Second, MaxValue: 10},
		"memcached://a?max-tags=7":               {Servers: []string{"a:11211"}, MaxTags: 7},
		"memcached://a?break-after=2&probe-every=3s&max-undelivered=4": {
			Servers: []string{"a:11211"}, BreakAfter: 2, ProbeEvery: 3 * time.Second, MaxUndelivered: 4,
		},
	} {
		got, err := memcached.ParseURL(url)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("ParseURL(%q) = %#v, %v; want %#v", url, got, err, want)
		}
	}
	if c, err := memcached.ParseURL("memcacheds://a"); err != nil || c.TLS == nil {
		t.Errorf("ParseURL of memcacheds = %v, %v; want TLS", c, err)
	}
	for url, want := range map[string]string{
		"":                               "does not begin with",
		"redis://user:secret@a":          "does not begin with",
		"memcached://":                   `Servers[0] is ""`,
		"memcached://a,,b":               `Servers[1] is ""`,
		"memcached://user:secret%zz@a":   "two hexadecimal digits",
		"memcached://user:secret@a?no=1": "query has no: want prefix",
		"memcached://user:secret@a?timeout=secret1": "query has timeout",
		"memcached://:secret@a":                     "Password is set",
		"memcached://a?prefix=a%20b":                "Prefix",
		"memcached://a?conns=-1&secret=;":           "query is not one",
	} {
		_, err := memcached.ParseURL(url)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseURL(%q) = %v, want %q in it", url, err, want)
		}
		if err != nil && !strings.Contains(url, "timeout=secret") && strings.Contains(err.Error(), "secret") {
			t.Errorf("ParseURL(%q) = %v, which has the password in it", url, err)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	f.Add("memcached://user:password@a:1,b/?prefix=x")
	f.Fuzz(func(t *testing.T, url string) {
		if c, err := memcached.ParseURL(url); err == nil && c.Validate() != nil {
			t.Errorf("ParseURL(%q) gives a Config that is wrong: %v", url, c.Validate())
		}
	})
}
