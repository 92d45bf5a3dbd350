package memcached

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/onefold-go/onefold/adapters/memcached/internal/meta"
)

// What a [Config] means that names nothing else.
const (
	DefaultConns    = 2           // connections to each server
	DefaultTimeout  = time.Second // of silence, and for a connection to be made
	DefaultMaxValue = 1<<20 - 1024
	DefaultMaxTags  = 10_000

	DefaultBreakAfter     = 5           // calls in a row without an answer
	DefaultProbeEvery     = time.Second // between calls to a server that does not answer
	DefaultMaxUndelivered = 10_000      // keys and tags that a server may have missed
)

// ErrClosed reports that the store has been closed.
var ErrClosed = errors.New("memcached: the store is closed")

// ErrUnavailable is that of a call that is not made because the server has not
// answered for a while; see [Config].BreakAfter. It comes in an [Error].
var ErrUnavailable = errors.New("memcached: the server does not answer; it is asked again from time to time")

// ErrTooLarge reports a value that is larger than [Config.MaxValue] or than the
// server takes, to be stored or read.
var ErrTooLarge = meta.ErrTooLarge

// ErrAuth reports that a server did not take the username and password.
var ErrAuth = meta.ErrAuth

// ErrBusy reports that more than 8 MB of commands wait to be written to a
// server.
var ErrBusy = meta.ErrBusy

// A ServerError is a command that a server could not do, in its own words: for
// want of memory, say.
type ServerError = meta.ServerError

// ErrSilent reports that a server did not answer for [Config.Timeout].
var ErrSilent = meta.ErrSilent

// Config configures a [Store]. Only Servers has to be set.
type Config struct {
	// Servers are host:port each, or the path of a Unix socket, which begins
	// with a slash. All processes must have the same ones, written alike; the
	// order does not matter.
	Servers []string

	// Prefix stands before all keys, so that several caches can share servers:
	// each cache wants its own, since it has its own table of tags. Printable
	// ASCII without spaces, 150 bytes or less. A colon at its end reads well.
	Prefix string

	// Conns is how many connections there are to each server. All commands for
	// a key go over one of them. Zero means DefaultConns.
	Conns int

	// Timeout is how long a server that owes an answer may be silent before its
	// connection is closed, and how long connecting may take. It should be no
	// less than the cache's FarBudget, which bounds a single operation. Zero
	// means DefaultTimeout.
	Timeout time.Duration

	// TLS secures the connections. Nil means that they are not. Where it has
	// no ServerName, that is the host of each server.
	TLS *tls.Config

	// Username and Password are for a memcached that runs with -Y. SASL, which
	// needs the old binary protocol, is not supported. Without TLS they are
	// sent as they are.
	Username, Password string

	// MaxValue is how many bytes a value may have. One that is read and has more
	// is not kept in memory. A server's own limit, its item_size_max less 512
	// bytes, applies as well. Zero means DefaultMaxValue, which fits a server
	// that was started without -I.
	MaxValue int

	// MaxTags is how many tags have their invalidation remembered one by one in
	// the shared table; with more, the older half goes, and with it whatever is
	// as old. The table must fit into an item too. Zero means DefaultMaxTags.
	MaxTags int

	// BreakAfter is how many calls in a row to a server must get no answer for
	// none to be made any more, but one every ProbeEvery. Meanwhile they fail at
	// once with [ErrUnavailable], and a cache goes on without this tier for the
	// keys of that server; see [FailFast]. Zero means DefaultBreakAfter and
	// DefaultProbeEvery.
	BreakAfter int
	ProbeEvery time.Duration

	// MaxUndelivered is how many keys and tags are remembered of each server
	// whose invalidation it may have missed, to be told again. With more it
	// becomes that of all there is, through the table of tags. Zero means
	// DefaultMaxUndelivered.
	MaxUndelivered int

	// Dial connects to a server. Nil means a [net.Dialer].
	Dial func(ctx context.Context, server string) (net.Conn, error)
}

// Validate reports all that is wrong with c.
func (c Config) Validate() error {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("memcached: Config."+format, args...))
	}
	if len(c.Servers) == 0 {
		fault("Servers is empty, want one server at least")
	}
	for i, server := range c.Servers {
		if host, port, err := net.SplitHostPort(server); !strings.HasPrefix(server, "/") && (err != nil || host == "" || port == "") {
			fault("Servers[%d] is %q, want host:port, or the path of a socket", i, server)
		}
		if slices.Contains(c.Servers[:i], server) {
			fault("Servers[%d] is %q, which is there before, want each server once", i, server)
		}
	}
	if !plain(c.Prefix) || len(c.Prefix) > maxPrefix {
		fault("Prefix is %.200q, want printable ASCII without spaces, and %d bytes or less", c.Prefix, maxPrefix)
	}
	for _, n := range []struct {
		name  string
		value int
	}{
		{"Conns", c.Conns}, {"MaxValue", c.MaxValue}, {"MaxTags", c.MaxTags},
		{"BreakAfter", c.BreakAfter}, {"MaxUndelivered", c.MaxUndelivered},
	} {
		if n.value < 0 {
			fault("%s is %d, want 0 or more", n.name, n.value)
		}
	}
	if c.Timeout < 0 {
		fault("Timeout is %v, want 0 or more", c.Timeout)
	}
	if c.ProbeEvery < 0 {
		fault("ProbeEvery is %v, want 0 or more", c.ProbeEvery)
	}
	switch {
	case c.Username == "" && c.Password != "":
		fault("Password is set and Username is not, want both or neither")
	case strings.ContainsAny(c.Username+c.Password, " \r\n"):
		fault("Username or Password has a space or a line break, which memcached does not take")
	}
	return errors.Join(faults...)
}

// String gives c without its secrets.
func (c Config) String() string {
	return fmt.Sprintf("memcached.Config{%d servers, Prefix %q, TLS %t, Username set %t}", len(c.Servers), c.Prefix, c.TLS != nil, c.Username != "")
}

// GoString gives c without its secrets.
func (c Config) GoString() string { return c.String() }

func (c Config) withDefaults() Config {
	c.Servers = slices.Clone(c.Servers)
	def(&c.Conns, DefaultConns)
	def(&c.Timeout, DefaultTimeout)
	def(&c.MaxValue, DefaultMaxValue)
	def(&c.MaxTags, DefaultMaxTags)
	def(&c.BreakAfter, DefaultBreakAfter)
	def(&c.ProbeEvery, DefaultProbeEvery)
	def(&c.MaxUndelivered, DefaultMaxUndelivered)
	if c.Dial == nil {
		c.Dial = func(ctx context.Context, server string) (net.Conn, error) {
			network := "tcp"
			if strings.HasPrefix(server, "/") {
				network = "unix"
			}
			return new(net.Dialer).DialContext(ctx, network, server)
		}
	}
	return c
}

func def[T comparable](field *T, value T) {
	if *field == *new(T) {
		*field = value
	}
}

// tlsFor gives the TLS settings for a server.
func (c Config) tlsFor(server string) *tls.Config {
	if c.TLS == nil || c.TLS.ServerName != "" || c.TLS.InsecureSkipVerify {
		return c.TLS
	}
	t := c.TLS.Clone()
	t.ServerName, _, _ = net.SplitHostPort(server)
	return t
}
