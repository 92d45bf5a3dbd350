// Package trace reads records of who asked for what, and when: access logs,
// cache traces, packet logs and recordings of a live service.
package trace

// A Record is one access. Times and durations are in nanoseconds; what a file
// does not tell is [Unknown], or zero where the field says so.
type Record struct {
	// Time is when the access began, after the first record of the source it
	// was read from. It does not fall from one record to the next.
	Time int64

	// Key is what was asked for, as a hash keyed with a secret of this run.
	Key uint64

	// Client is who asked, hashed likewise; zero when the file does not tell.
	Client uint64

	// Duration is how long the access took, or the load behind it where the
	// file tells the two apart.
	Duration int64

	// TTL is how long what was written or answered may be used.
	TTL int64

	// Size is the answer's, in bytes.
	Size int64

	// Status is an HTTP status; zero when there is none.
	Status uint16

	// Op is what was done.
	Op Op

	// Cache is what a cache in front of the recording said of the access.
	Cache CacheStatus

	// Hints are signs that answers differ from caller to caller.
	Hints Hints
}

// Unknown stands for a number that the file does not tell.
const Unknown = -1

// An Op is what an access did.
type Op uint8

// What an access can do.
const (
	Read   Op = iota // asked for the key's value
	Write            // gave the key a value
	Delete           // took the key's value away
	Other            // none of these; counted, and not simulated
)

// A CacheStatus is what a cache in front of the recording said.
type CacheStatus uint8

// What a cache can say.
const (
	NoCache CacheStatus = iota // nothing: there was none, or it was not recorded
	Hit
	Miss
	Stale
	Bypass
)

// Hints are signs, one bit each, that an access's answer depends on more than
// its key. They raise a question to the reader of the report; they settle none.
type Hints uint8

// The signs that a record can carry.
const (
	PersonalPath  Hints = 1 << iota // a part of the path such as me, self, session, cart or token
	Authorization                   // the request had credentials
	SetCookie                       // the answer set a cookie
	UnsafeMethod                    // POST, PUT, PATCH or DELETE
)

// String names the operation.
func (o Op) String() string {
	switch o {
	case Read:
		return "read"
	case Write:
		return "write"
	case Delete:
		return "delete"
	default:
		return "other"
	}
}

// String names the status.
func (s CacheStatus) String() string {
	switch s {
	case Hit:
		return "hit"
	case Miss:
		return "miss"
	case Stale:
		return "stale"
	case Bypass:
		return "bypass"
	default:
		return "none"
	}
}
