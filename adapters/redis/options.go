package redis

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// What [Options] mean that name nothing else.
const (
	DefaultPrefix  = "onefold"
	DefaultSchema  = "1"
	DefaultPing    = time.Second            // between looks whether the stream of changes is alive
	DefaultPoll    = 500 * time.Millisecond // between looks at another's lease while there is no stream
	DefaultMaxTags = 10_000                 // tags in the table

	DefaultMaxValueSize = 32 << 20 // bytes of a value

	DefaultBreakAfter     = 5           // calls in a row without an answer
	DefaultProbeEvery     = time.Second // between calls to a server that does not answer
	DefaultMaxUndelivered = 10_000      // keys and tags that a server may have missed
)

// Options configure a [Store]. The zero Options are ready to use.
type Options struct {
	// Prefix begins the name of all that the store writes, Schema follows it.
	// Stores with the same two share what they hold. Change Schema when a new
	// version of the program must not read what an old one wrote. Neither may
	// hold a brace. Zero means DefaultPrefix and DefaultSchema.
	Prefix, Schema string

	// Username and Password stand in for those of the URL. Zero: the URL's.
	Username, Password string

	// TLS is how to speak to the server. Nil: not, or for a URL that says so
	// with the system's certificates.
	TLS *tls.Config

	// Ping is how often the stream of changes is asked whether it is alive,
	// and how long it may take to answer: it breaks unnoticed for twice that at
	// most. Zero means DefaultPing.
	Ping time.Duration

	// Poll is how often a lease that another process holds is looked at while
	// there is no stream of changes to tell of its end. Zero means DefaultPoll.
	Poll time.Duration

	// MaxTags is how many tags the table holds. With more, the older half is
	// forgotten, and what was stored before they were last invalidated is
	// invalid. Zero means DefaultMaxTags.
	MaxTags int

	// MaxValueSize is the most bytes of a value. A larger one is not stored, and
	// one that is there is not read: it is as if there were none. Zero means
	// DefaultMaxValueSize, which is twice that of a [tier.Config].
	MaxValueSize int

	// BreakAfter is how many calls in a row must get no answer for none to be
	// made any more, but one every ProbeEvery. Meanwhile they fail at once with
	// [ErrUnavailable], and a cache goes on without this tier; see [FailFast].
	// Zero means DefaultBreakAfter and DefaultProbeEvery.
	BreakAfter int
	ProbeEvery time.Duration

	// MaxUndelivered is how many keys and tags are remembered whose
	// invalidation the server may have missed, to be told again. With more it
	// becomes that of all there is, through the table of tags. Zero means
	// DefaultMaxUndelivered.
	MaxUndelivered int

	// Client may change how the client connects, after all else is set. Nil:
	// nothing. What it must leave as it is: AlwaysPipelining, DisableCache,
	// ClientTrackingOptions, SendToReplicas.
	Client func(*rueidis.ClientOption)
}

// String leaves the password out.
func (o Options) String() string {
	return fmt.Sprintf("redis.Options{Prefix: %q, Schema: %q, TLS: %t, Ping: %v, Poll: %v, MaxTags: %d, MaxValueSize: %d, BreakAfter: %d, ProbeEvery: %v, MaxUndelivered: %d}",
		o.Prefix, o.Schema, o.TLS != nil, o.Ping, o.Poll, o.MaxTags, o.MaxValueSize, o.BreakAfter, o.ProbeEvery, o.MaxUndelivered)
}

// GoString is as String.
func (o Options) GoString() string { return o.String() }

// Validate reports every fault of o, each with the value that was given.
func (o Options) Validate() error {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("redis: Options."+format, args...))
	}
	if strings.ContainsAny(o.Prefix, "{}") {
		fault("Prefix is %q, want one without braces: they say which keys a Cluster keeps together", o.Prefix)
	}
	if strings.ContainsAny(o.Schema, "{}") {
		fault("Schema is %q, want one without braces: they say which keys a Cluster keeps together", o.Schema)
	}
	if o.Ping < 0 {
		fault("Ping is %v, want 0 (%v) or more", o.Ping, DefaultPing)
	}
	if o.Poll < 0 {
		fault("Poll is %v, want 0 (%v) or more", o.Poll, DefaultPoll)
	}
	if o.MaxTags < 0 {
		fault("MaxTags is %d, want 0 (%d) or more", o.MaxTags, DefaultMaxTags)
	}
	if o.MaxValueSize < 0 {
		fault("MaxValueSize is %d, want 0 (%d) or more", o.MaxValueSize, DefaultMaxValueSize)
	}
	if o.BreakAfter < 0 {
		fault("BreakAfter is %d, want 0 (%d) or more", o.BreakAfter, DefaultBreakAfter)
	}
	if o.ProbeEvery < 0 {
		fault("ProbeEvery is %v, want 0 (%v) or more", o.ProbeEvery, DefaultProbeEvery)
	}
	if o.MaxUndelivered < 0 {
		fault("MaxUndelivered is %d, want 0 (%d) or more", o.MaxUndelivered, DefaultMaxUndelivered)
	}
	return errors.Join(faults...)
}

func (o Options) withDefaults() Options {
	o.Prefix = cmp.Or(o.Prefix, DefaultPrefix)
	o.Schema = cmp.Or(o.Schema, DefaultSchema)
	o.Ping = cmp.Or(o.Ping, DefaultPing)
	o.Poll = cmp.Or(o.Poll, DefaultPoll)
	o.MaxTags = cmp.Or(o.MaxTags, DefaultMaxTags)
	o.MaxValueSize = cmp.Or(o.MaxValueSize, DefaultMaxValueSize)
	o.BreakAfter = cmp.Or(o.BreakAfter, DefaultBreakAfter)
	o.ProbeEvery = cmp.Or(o.ProbeEvery, DefaultProbeEvery)
	o.MaxUndelivered = cmp.Or(o.MaxUndelivered, DefaultMaxUndelivered)
	return o
}

// client gives the options of the client for a URL.
func (o Options) client(rawURL string) (rueidis.ClientOption, error) {
	c, err := rueidis.ParseURL(rawURL)
	if err != nil { // its text may have the password in it
		return c, errors.New("redis: the URL cannot be read, want redis://user:password@host:port/db, with rediss for TLS; " +
			"?addr=host:port for more servers of a Cluster, ?master_set=name where they are sentinels; " +
			"what is not a letter or digit in a password is written as %XX")
	}
	c.Username = cmp.Or(o.Username, c.Username)
	c.Password = cmp.Or(o.Password, c.Password)
	switch {
	case o.TLS != nil:
		c.TLSConfig = o.TLS
	case c.TLSConfig != nil:
		c.TLSConfig.ServerName = "" // each server by its own name, not all by the URL's
	}
	c.Sentinel.TLSConfig = c.TLSConfig
	c.DisableCache = true     // the near tier is the cache; its stream is the store's own
	c.AlwaysPipelining = true // or a lone call whose time is over would end its connection
	c.ConnWriteTimeout = cmp.Or(c.ConnWriteTimeout, 3*time.Second)
	// The client must know of a new master when the stream looks.
	c.Sentinel.TopologyRefreshInterval = max(o.Ping, time.Second)
	c.ClusterOption.ShardsRefreshInterval = max(o.Ping, time.Second)
	if o.Client != nil {
		o.Client(&c)
	}
	return c, nil
}
