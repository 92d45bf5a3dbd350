// Package meta is a client of memcached's meta protocol: one connection that
// many goroutines share, each of which writes its commands behind those of the
// others and waits for its own answers.
//
// The answers come in the order of the commands, and each repeats the number
// that its command had. One that does not, or that cannot be read, ends the
// connection: what belongs to whom is no longer sure. A command whose caller
// has left keeps its place, and its answer goes to nobody; a server that says
// nothing at all while commands wait for it is given up after a time.
package meta

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// maxQueued is how many bytes may wait to be written when more are added. A
// server that takes none is about to be given up.
const maxQueued = 8 << 20

// ErrBusy reports that the server takes no more commands for the time being.
var ErrBusy = errors.New("memcached: commands queue up faster than the server takes them")

// ErrSilent reports that a server was given up.
var ErrSilent = errors.New("memcached: the server did not answer in time, and the connection was closed")

// ErrTooLarge reports a value that is larger than the server or the limit here
// allows.
var ErrTooLarge = errors.New("memcached: the value is too large")

// errProtocol is that of an answer that is none.
var errProtocol = errors.New("memcached: the server's answer is none to what was asked, and the connection was closed")

var connections atomic.Uint64

// A Conn is a connection. Its methods may be called from many goroutines. It
// has two goroutines, which end when it is closed, here or there.
type Conn struct {
	ID       uint64 // of no other connection in this process
	Version  string // what the server says it is
	CanSet   bool   // the server takes a NewCAS
	MaxValue int    // bytes of a value, to it and from it

	raw     net.Conn
	read    *bufio.Reader
	got     atomic.Uint64 // bytes
	silence time.Duration

	closed chan struct{}
	wake   chan struct{} // holds one while there is something to write

	mu      sync.Mutex
	err     error   // guarded by mu; why it is closed
	out     []byte  // guarded by mu; to be written
	queue   []*Call // guarded by mu; sent, from first on, and not yet answered
	first   int     // guarded by mu
	last    uint32  // guarded by mu; the number of the newest command
	watched bool    // guarded by mu; the watchdog is running
	seen    uint64  // guarded by mu; what got was when the watchdog last looked
}

// Send writes calls of a round, one behind the other with nothing between.
func (c *Conn) Send(calls ...*Call) {
	c.mu.Lock()
	err := c.err
	if err == nil && len(c.out) > maxQueued {
		err = ErrBusy
	}
	if err != nil {
		c.mu.Unlock()
		for _, call := range calls {
			call.finish(Reply{}, err)
		}
		return
	}
	for _, call := range calls {
		c.last++
		call.opaque = c.last
		c.out = c.append(c.out, call)
		c.queue = append(c.queue, call)
	}
	if !c.watched {
		c.watched, c.seen = true, c.got.Load()
		time.AfterFunc(c.silence, c.watch)
	}
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Post sends a command whose answer nobody waits for.
func (c *Conn) Post(command Command) {
	call := &Call{Command: command}
	NewRound(call)
	c.Send(call)
}

// append writes a command as the protocol has it.
func (c *Conn) append(b []byte, call *Call) []byte {
	b = append(append(append(b, call.Verb...), ' '), call.Key...)
	number := func(flag string, n int64) { b = strconv.AppendInt(append(b, flag...), n, 10) }
	switch call.Verb {
	case Get:
		if call.Peek {
			b = append(b, " u"...)
		} else {
			b = append(b, " v"...)
		}
		b = append(b, " s c t f"...)
		if call.Vivify {
			number(" N", call.TTL)
		}
	case Set:
		number(" ", int64(len(call.Value)))
		number(" T", call.TTL)
		number(" F", int64(call.Flags))
		b = append(b, " c"...)
		if call.Add {
			b = append(b, " ME"...)
		}
	case Delete:
	}
	if call.CAS != 0 {
		b = strconv.AppendUint(append(b, " C"...), call.CAS, 10)
	}
	if call.NewCAS != 0 && c.CanSet && call.Verb != Delete {
		b = strconv.AppendUint(append(b, " E"...), call.NewCAS, 10)
	}
	number(" O", int64(call.opaque))
	b = append(b, "\r\n"...)
	if call.Verb == Set {
		b = append(append(b, call.Value...), "\r\n"...)
	}
	return b
}

// watch closes the connection when nothing has come for as long as it waits
// each time, though something was due.
func (c *Conn) watch() {
	c.mu.Lock()
	got := c.got.Load()
	idle, silent := c.first == len(c.queue), got == c.seen
	c.seen = got
	if idle || c.err != nil {
		c.watched = false
	} else if !silent {
		time.AfterFunc(c.silence, c.watch)
	}
	c.mu.Unlock()
	if !idle && silent {
		c.fail(ErrSilent)
	}
}

// write writes what is queued until the connection is closed.
func (c *Conn) write() {
	var spare []byte
	for {
		select {
		case <-c.wake:
		case <-c.closed:
			return
		}
		runtime.Gosched() // others that are about to send go along: a write costs more than a command
		c.mu.Lock()
		b := c.out
		c.out = spare[:0]
		c.mu.Unlock()
		if _, err := c.raw.Write(b); err != nil {
			c.fail(err)
			return
		}
		if spare = b; cap(spare) > 1<<20 {
			spare = nil
		}
	}
}

// receive reads answers until the connection is closed.
func (c *Conn) receive() {
	for {
		if err := c.answer(); err != nil {
			c.fail(err)
			return
		}
	}
}

// answer reads the answer to the oldest command. An error is one of the
// connection.
func (c *Conn) answer() error {
	line, err := readLine(c.read)
	if err != nil {
		return err
	}
	call := c.pop()
	if call == nil {
		return errProtocol
	}
	r, opaque, err := parse(line)
	switch {
	case errors.Is(err, errProtocol):
		call.finish(Reply{}, err)
		return err
	case err != nil: // the command's own
		call.finish(Reply{}, err)
		return nil
	case opaque != call.opaque:
		call.finish(Reply{}, errProtocol)
		return errProtocol
	}
	if call.Verb == Get && !call.Peek && r.Status == Done {
		if r.Value, err = c.value(r.Size); errors.Is(err, ErrTooLarge) {
			call.finish(Reply{}, err)
			return nil
		}
		if err != nil {
			call.finish(Reply{}, err)
			return err
		}
	}
	call.finish(r, nil)
	return nil
}

// value reads the value of an answer, of which nothing is kept if it is too
// large.
func (c *Conn) value(size int) ([]byte, error) {
	if size > c.MaxValue {
		if _, err := io.CopyN(io.Discard, c.read, int64(size)+2); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("%w: the server holds %d bytes, want %d or less", ErrTooLarge, size, c.MaxValue)
	}
	b := make([]byte, size)
	if _, err := io.ReadFull(c.read, b); err != nil {
		return nil, err
	}
	var end [2]byte
	if _, err := io.ReadFull(c.read, end[:]); err != nil {
		return nil, err
	}
	if string(end[:]) != "\r\n" {
		return nil, errProtocol
	}
	return b, nil
}

// pop takes the oldest call off the queue; nil if there is none.
func (c *Conn) pop() *Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.first == len(c.queue) {
		return nil
	}
	call := c.queue[c.first]
	c.queue[c.first] = nil
	c.first++
	if c.first == len(c.queue) {
		c.queue, c.first = c.queue[:0], 0
	} else if c.first > 1024 && c.first > len(c.queue)/2 {
		n := copy(c.queue, c.queue[c.first:])
		clear(c.queue[n:])
		c.queue, c.first = c.queue[:n], 0
	}
	return call
}

// Alive reports whether the connection is not known to be closed.
func (c *Conn) Alive() bool {
	select {
	case <-c.closed:
		return false
	default:
		return true
	}
}

// Close closes the connection; what waits for an answer has err.
func (c *Conn) Close(err error) { c.fail(err) }

func (c *Conn) fail(err error) {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	c.err = err
	rest := c.queue[c.first:]
	c.queue, c.first, c.out = nil, 0, nil
	close(c.closed)
	c.mu.Unlock()
	_ = c.raw.Close() // it is given up, whatever this says
	for _, call := range rest {
		call.finish(Reply{}, err)
	}
}

// A counter counts what is read from a connection.
type counter struct {
	net.Conn
	n *atomic.Uint64
}

func (c counter) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.n.Add(uint64(n)) //nolint:gosec // not negative
	return n, err
}

// start makes a connection of one whose greeting is over.
func (c *Conn) start() {
	c.ID = connections.Add(1)
	c.closed, c.wake = make(chan struct{}), make(chan struct{}, 1)
	go c.write()
	go c.receive()
}
