package memcached_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/onefold-go/onefold/adapters/memcached"
)

// A fake is a memcached in memory, for bubbles: the commands that the store
// sends, and the clock of a real one, which goes in steps of a second.
type fake struct {
	version string        // "1.6.18" if it is empty
	ahead   time.Duration // its clock is this far from that of the processes, within a step
	t       *testing.T    // whose bubble it is in

	mu    sync.Mutex
	items map[string]*fakeItem
	cas   uint64
	count map[string]int // of commands, by verb
	conns map[net.Conn]bool
	gate  chan struct{} // not nil: no command is done until it is closed
	lose  map[string]int
}

type fakeItem struct {
	data    string
	flags   string
	cas     uint64
	expires int64 // by tick; 0: never
}

// dial is Config.Dial.
func (f *fake) dial(ctx context.Context, _ string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ours, theirs := net.Pipe()
	f.mu.Lock()
	if f.conns == nil {
		f.conns = make(map[net.Conn]bool)
	}
	f.conns[ours] = true
	f.mu.Unlock()
	go f.serve(ours)
	return theirs, nil
}

// restart loses all there is, with the connections; CAS counts from 1 again.
func (f *fake) restart() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.items, f.cas = nil, 0
	for conn := range f.conns {
		_ = conn.Close()
	}
	clear(f.conns)
}

// loseItems is a restart behind a proxy, which keeps the connections.
func (f *fake) loseItems() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.items, f.cas = nil, 0
}

func (f *fake) commands(verb string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count[verb]
}

// pause lets no command be done until the function that it gives is called.
func (f *fake) pause() (resume func()) {
	gate := make(chan struct{})
	f.mu.Lock()
	f.gate = gate
	f.mu.Unlock()
	return func() {
		f.mu.Lock()
		f.gate = nil
		f.mu.Unlock()
		close(gate)
	}
}

// answersLost makes the connection break in the place of the next answer to verb.
func (f *fake) answersLost(verb string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lose == nil {
		f.lose = make(map[string]int)
	}
	f.lose[verb]++
}

func (f *fake) tick() int64 { return time.Now().Add(f.ahead).Unix() }

func (f *fake) serve(conn net.Conn) {
	defer conn.Close() //nolint:errcheck // it may be closed already
	// Answers are written by another goroutine: a pipe has no buffer.
	answers := make(chan string, 10_000)
	defer close(answers)
	go func() {
		for a := range answers {
			if _, err := io.WriteString(conn, a); err != nil {
				break
			}
		}
		for range answers { //nolint:revive // to its end
		}
	}()
	r := bufio.NewReader(conn)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		words := strings.Fields(line)
		data := ""
		if words[0] == "ms" {
			n, _ := strconv.Atoi(words[2])
			b := make([]byte, n+2)
			if _, err := io.ReadFull(r, b); err != nil {
				return
			}
			data = string(b[:n])
			words = append(words[:2], words[3:]...)
		}
		f.mu.Lock()
		gate := f.gate
		f.mu.Unlock()
		if gate != nil {
			<-gate
		}
		a, ok := f.answer(words, data)
		if !ok {
			return
		}
		answers <- a
	}
}

func (f *fake) answer(words []string, data string) (answer string, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	verb := words[0]
	if f.count == nil {
		f.count = make(map[string]int)
	}
	f.count[verb]++
	switch verb {
	case "version":
		if f.version == "" {
			f.version = "1.6.18"
		}
		return "VERSION " + f.version + "\r\n", true
	case "mn":
		return "MN\r\n", true
	case "stats":
		return "STAT item_size_max 1048576\r\nEND\r\n", true
	}
	flags := make(map[byte]string)
	for _, w := range words[2:] {
		flags[w[0]] = w[1:]
	}
	a := f.do(verb, words[1], flags, data)
	if f.lose[verb] > 0 {
		f.lose[verb]--
		return "", false
	}
	return a, true
}

func (f *fake) do(verb, key string, flags map[byte]string, data string) string {
	if f.items == nil {
		f.items = make(map[string]*fakeItem)
	}
	it := f.items[key]
	if it != nil && it.expires != 0 && f.tick() >= it.expires {
		delete(f.items, key)
		it = nil
	}
	newCAS := func() uint64 {
		if e, ok := flags['E']; ok {
			n, _ := strconv.ParseUint(e, 10, 64)
			return n
		}
		f.cas++
		return f.cas
	}
	expires := func(s string) int64 {
		n, _ := strconv.ParseInt(s, 10, 64)
		if n == 0 || n > 30*24*3600 {
			return n
		}
		return f.tick() + n
	}
	if _, ok := flags['E']; ok && f.version < "1.6.27" {
		return "CLIENT_ERROR invalid flag\r\n"
	}
	end := " O" + flags['O'] + "\r\n"
	if want, ok := flags['C']; ok && it != nil && want != strconv.FormatUint(it.cas, 10) {
		return "EX c0" + end
	} else if ok && it == nil {
		return "NF c0" + end
	}
	switch verb {
	case "mg":
		won := ""
		left := int64(-1)
		if ttl, ok := flags['N']; it == nil && ok {
			it = &fakeItem{cas: newCAS(), expires: expires(ttl), flags: "0"}
			f.items[key] = it
			won = " W"
		} else if it == nil {
			return "EN" + end
		} else if it.expires != 0 {
			left = it.expires - f.tick()
		}
		rest := fmt.Sprintf(" s%d c%d t%d f%s", len(it.data), it.cas, left, it.flags) + won + end
		if _, ok := flags['v']; !ok {
			return "HD" + rest
		}
		return fmt.Sprintf("VA %d", len(it.data)) + rest + it.data + "\r\n"
	case "ms":
		if _, add := flags['M']; add && it != nil {
			return "NS c0" + end
		}
		f.items[key] = &fakeItem{data: data, flags: flags['F'], cas: newCAS(), expires: expires(flags['T'])}
		return fmt.Sprintf("HD c%d", f.items[key].cas) + end
	case "md":
		if it == nil {
			return "NF" + end
		}
		delete(f.items, key)
		return "HD" + end
	}
	return "ERROR\r\n"
}

// at makes a store of the fake, as a process would have one; it is closed with
// the test.
func (f *fake) at(t testing.TB, changes ...func(*memcached.Config)) *memcached.Store {
	t.Helper()
	cfg := memcached.Config{Servers: []string{"fake:1"}, Dial: f.dial, Prefix: "p:"}
	for _, change := range changes {
		change(&cfg)
	}
	return open(t, cfg)
}
