package meta

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Options say how to connect.
type Options struct {
	Dial     func(ctx context.Context) (net.Conn, error)
	TLS      *tls.Config   // nil: none
	Username string        // empty: none
	Password string        //
	Silence  time.Duration // after which a server that owes an answer is given up; more than 0
	MaxValue int           // bytes; more than 0
}

// ErrAuth reports that the server did not take the username and password, or
// that it wants some.
var ErrAuth = errors.New("memcached: the server refused the username and password")

// overhead is what a server counts into the size of an item beside its value:
// its header, the key and the like.
const overhead = 512

// Dial connects and greets the server.
func Dial(ctx context.Context, o Options) (*Conn, error) {
	raw, err := o.Dial(ctx)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	c, err := greet(ctx, raw, o)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = raw.Close() // it failed before
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, err
	}
	c.start()
	return c, nil
}

func greet(ctx context.Context, raw net.Conn, o Options) (*Conn, error) {
	if o.TLS != nil {
		secure := tls.Client(raw, o.TLS)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		raw = secure
	}
	c := &Conn{raw: raw, silence: o.Silence, MaxValue: o.MaxValue}
	c.read = bufio.NewReader(counter{raw, &c.got})
	if o.Username != "" {
		secret := o.Username + " " + o.Password
		// A server that wants no password takes this for an item: one that has
		// expired before it is stored.
		line, err := c.ask("set auth 0 -1 " + strconv.Itoa(len(secret)) + "\r\n" + secret + "\r\n")
		if err != nil {
			return nil, err
		}
		if line != "STORED" {
			return nil, ErrAuth
		}
	}
	if err := c.hello(); err != nil {
		return nil, err
	}
	return c, nil
}

// hello asks what the server is, and whether it speaks the meta protocol.
func (c *Conn) hello() error {
	line, err := c.ask("version\r\n")
	if err != nil {
		return err
	}
	version, ok := strings.CutPrefix(line, "VERSION ")
	switch {
	case strings.Contains(line, "unauthenticated"):
		return ErrAuth
	case !ok:
		return errProtocol
	}
	c.Version, c.CanSet = printable(version), takesNewCAS(version)
	if line, err = c.ask("mn\r\n"); err != nil {
		return err
	}
	if line != "MN" {
		return fmt.Errorf("memcached: the server, version %s, does not speak the meta protocol, want memcached 1.6 or newer", c.Version)
	}
	return c.settings()
}

// settings asks how large an item may be. A proxy may not tell.
func (c *Conn) settings() error {
	line, err := c.ask("stats settings\r\n")
	for err == nil && strings.HasPrefix(line, "STAT ") {
		if size, ok := strings.CutPrefix(line, "STAT item_size_max "); ok {
			if n, err := strconv.Atoi(size); err == nil && n > 2*overhead {
				c.MaxValue = min(c.MaxValue, n-overhead)
			}
		}
		var b []byte
		b, err = readLine(c.read)
		line = string(b)
	}
	return err
}

// ask sends a line and reads one.
func (c *Conn) ask(question string) (string, error) {
	if _, err := c.raw.Write([]byte(question)); err != nil {
		return "", err
	}
	line, err := readLine(c.read)
	return string(line), err
}

// takesNewCAS reports whether a server of the version lets a command say what
// the new CAS is to be: from 1.6.27 on.
func takesNewCAS(version string) bool {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 3 {
		return false
	}
	var n [3]int
	for i, p := range parts {
		end := strings.IndexFunc(p, func(r rune) bool { return r < '0' || r > '9' })
		if end >= 0 {
			p = p[:end]
		}
		var err error
		if n[i], err = strconv.Atoi(p); err != nil {
			return false
		}
	}
	switch {
	case n[0] != 1:
		return n[0] > 1
	case n[1] != 6:
		return n[1] > 6
	default:
		return n[2] >= 27
	}
}

// A Link is a place for one connection, which is made when it is wanted and
// made anew when it has been closed. Its methods may be called from many
// goroutines. Make it with [NewLink].
type Link struct {
	options  Options
	patience time.Duration // for a connection to be made
	retry    time.Duration // after a failure, before the next attempt

	ctx  context.Context //nolint:containedctx // ends with Close; attempts belong to no caller
	stop context.CancelFunc

	mu      sync.Mutex
	conn    *Conn     // guarded by mu; nil: none yet
	attempt *attempt  // guarded by mu; under way
	failed  time.Time // guarded by mu; when the last attempt did
	why     error     // guarded by mu; likewise
}

// An attempt is one to connect. conn and err are read after done is closed.
type attempt struct {
	done chan struct{}
	conn *Conn
	err  error
}

// NewLink makes a link without a connection.
func NewLink(o Options, patience, retry time.Duration) *Link {
	l := &Link{options: o, patience: patience, retry: retry}
	l.ctx, l.stop = context.WithCancel(context.Background())
	return l
}

// Conn gives the connection. It waits for one to be made, but not where the last
// attempt has just failed.
func (l *Link) Conn(ctx context.Context) (*Conn, error) {
	l.mu.Lock()
	switch {
	case l.ctx.Err() != nil:
		l.mu.Unlock()
		return nil, net.ErrClosed
	case l.conn != nil && l.conn.Alive():
		defer l.mu.Unlock()
		return l.conn, nil
	case l.attempt == nil && l.why != nil && time.Since(l.failed) < l.retry:
		defer l.mu.Unlock()
		return nil, l.why
	}
	a := l.attempt
	if a == nil {
		a = &attempt{done: make(chan struct{})}
		l.attempt = a
		go l.try(a)
	}
	l.mu.Unlock()
	select {
	case <-a.done:
		return a.conn, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// try connects. It ends within the link's patience.
func (l *Link) try(a *attempt) {
	ctx, cancel := context.WithTimeout(l.ctx, l.patience)
	defer cancel()
	a.conn, a.err = Dial(ctx, l.options)
	if a.err != nil && l.ctx.Err() == nil && ctx.Err() != nil {
		a.err = ErrSilent
	}
	l.mu.Lock()
	l.attempt, l.conn, l.why, l.failed = nil, a.conn, a.err, time.Now()
	closed := l.ctx.Err() != nil
	l.mu.Unlock()
	if closed && a.conn != nil {
		a.conn.Close(net.ErrClosed)
	}
	close(a.done)
}

// Close closes the connection, and no other is made.
func (l *Link) Close() {
	l.stop()
	l.mu.Lock()
	conn := l.conn
	l.mu.Unlock()
	if conn != nil {
		conn.Close(net.ErrClosed)
	}
}
