package meta

import (
	"context"
	"sync/atomic"
)

// A Verb is a meta command.
type Verb string

// The commands that are used.
const (
	Get    Verb = "mg"
	Set    Verb = "ms"
	Delete Verb = "md"
)

// A Command is what is asked of a server. The zero fields ask for nothing.
type Command struct {
	Verb  Verb
	Key   string // 1 to 250 bytes, none of them a space or a control character
	Value []byte // of Set; sent before Send returns, so it may be changed after
	Flags uint32 // of Set: the client flags of the item
	TTL   int64  // of Set and Vivify, as memcached reads it: seconds, 0 for no end, over 30 days a Unix time
	CAS   uint64 // of Set and Delete: do it only if the item has this; 0: whatever it has
	Add   bool   // of Set: do it only if there is no item

	Vivify bool // of Get: make an empty item for TTL if there is none
	Peek   bool // of Get: no value, and the item counts as unused

	// NewCAS becomes the CAS of what the command makes, where the server can;
	// 0 leaves it to the server.
	NewCAS uint64
}

// A Reply is what a server answers.
type Reply struct {
	Status Status
	Value  []byte // of Get; belongs to the caller
	Size   int    // of Get
	Flags  uint32 // of Get
	CAS    uint64 // of the item as it is now; not with Delete
	TTL    int64  // of Get: seconds left, -1 for no end
	Won    bool   // of Get: it made the item
}

// A Status is how a command ended.
type Status uint8

// How commands end.
const (
	Done     Status = iota // HD, VA
	Missing                // EN, NF: there is no item
	Conflict               // EX, NS: the item is another than was asked for
)

// A Call is a command and what becomes of it.
//
//	waiting --the answer is read--> answering --it is noted--> over
//	waiting --the round's context ends-----------------------> abandoned
//
// Reply and Err may be read when the round has been waited for.
type Call struct {
	Command
	Reply Reply
	Err   error // Reply is nothing then

	// Late, if it is not nil, is given the reply that came when nobody waited
	// any more. It must not block.
	Late func(Reply)

	state  atomic.Uint32
	opaque uint32
	round  *Round
}

const (
	waiting uint32 = iota
	answering
	abandoned
)

// finish notes how the call ended.
func (c *Call) finish(r Reply, err error) {
	if !c.state.CompareAndSwap(waiting, answering) {
		if c.Late != nil && err == nil {
			c.Late(r)
		}
		return
	}
	c.Reply, c.Err = r, err
	c.round.over()
}

// A Round is calls that are waited for together. Make it with [NewRound]; it is
// used once.
type Round struct {
	calls []*Call
	left  atomic.Int64
	done  chan struct{}
}

// NewRound makes a round of calls, each to be sent once.
func NewRound(calls ...*Call) *Round {
	r := &Round{calls: calls, done: make(chan struct{})}
	r.left.Store(int64(len(calls)))
	for _, c := range calls {
		c.round = r
	}
	if len(calls) == 0 {
		close(r.done)
	}
	return r
}

func (r *Round) over() {
	if r.left.Add(-1) == 0 {
		close(r.done)
	}
}

// Wait waits until all calls have ended, or ctx: those without an answer then
// have its error, and may be done by the server or not.
func (r *Round) Wait(ctx context.Context) {
	select {
	case <-r.done:
		return
	case <-ctx.Done():
	}
	for _, c := range r.calls {
		if c.state.CompareAndSwap(waiting, abandoned) {
			c.Err = ctx.Err()
			r.over()
		}
	}
	<-r.done // what was being answered is so at once
}

// Done is closed when all calls have ended.
func (r *Round) Done() <-chan struct{} { return r.done }
