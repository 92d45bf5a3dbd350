package meta_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/adapters/memcached/internal/meta"
)

// A script is a server that answers each command with the next of its answers,
// in which %s is the command's number.
func script(t *testing.T, answers ...string) meta.Options {
	t.Helper()
	dial := func(context.Context) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer ours.Close() //nolint:errcheck // it may be closed already
			r := bufio.NewReader(ours)
			next := func() string {
				line, err := r.ReadString('\n')
				if err != nil {
					return ""
				}
				words := strings.Fields(line)
				if words[0] == "ms" {
					if _, err := r.ReadString('\n'); err != nil {
						return ""
					}
				}
				return strings.TrimPrefix(words[len(words)-1], "O")
			}
			for _, a := range append([]string{"VERSION 1.6.18\r\n", "MN\r\n", "END\r\n"}, answers...) {
				number := next()
				if _, err := io.WriteString(ours, strings.ReplaceAll(a, "%s", number)); err != nil {
					return
				}
			}
			for next() != "" { //nolint:revive // no more answers
			}
		}()
		return theirs, nil
	}
	return meta.Options{Dial: dial, Silence: time.Second, MaxValue: 1000}
}

func dial(t *testing.T, o meta.Options) *meta.Conn {
	t.Helper()
	c, err := meta.Dial(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(net.ErrClosed) })
	return c
}

func get(ctx context.Context, c *meta.Conn, key string) *meta.Call {
	call := &meta.Call{Command: meta.Command{Verb: meta.Get, Key: key}}
	round := meta.NewRound(call)
	c.Send(call)
	round.Wait(ctx)
	return call
}

// SPEC: S02
func TestAnswersThatBelongToNobodyEndTheConnection(t *testing.T) {
	for name, answer := range map[string]string{
		"another's number":        "EN O999\r\n",
		"no number":               "EN\r\n",
		"not a number":            "EN Ox\r\n",
		"another's value":         "VA 1 c1 t1 f0 s1 O999\r\nv\r\n",
		"a value of another size": "VA 1 c1 t1 f0 s1 O%s\r\nvv\r\n",
		"a size that is none":     "VA x O%s\r\n",
		"a negative size":         "VA -1 O%s\r\n",
		"a size beyond all":       "VA 99999999999999999999 O%s\r\n",
		"no answer":               "HELLO\r\n",
		"no line":                 strings.Repeat("x", 10_000),
		"no line end":             "EN O%s\n",
		"a complaint":             "CLIENT_ERROR bad command line format\r\n",
		"an unknown command":      "ERROR\r\n",
		"an empty line":           "\r\n",
		"two answers":             "EN O%s\r\nEN O%s\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := dial(t, script(t, answer))
				first := get(t.Context(), c, "k")
				if name != "two answers" && first.Err == nil {
					t.Errorf("%q is taken for %+v", answer, first.Reply)
				}
				synctest.Wait()
				if c.Alive() {
					t.Errorf("after %q the connection is used further", answer)
				}
				if second := get(t.Context(), c, "k"); second.Err == nil {
					t.Errorf("after %q there is another answer: %+v", answer, second.Reply)
				}
			})
		})
	}
}

// SPEC: R12, S06
func TestAnswersThatEndNothing(t *testing.T) {
	for name, tt := range map[string]struct {
		answer string
		check  func(*meta.Call) bool
	}{
		"a value": {"VA 3 s3 c18446744073709551615 t-1 f4294967295 O%s\r\na\r\n\r\n", func(c *meta.Call) bool {
			return string(c.Reply.Value) == "a\r\n" && c.Reply.CAS == 1<<64-1 && c.Reply.TTL == -1
		}},
		"nothing":                {"EN O%s\r\n", func(c *meta.Call) bool { return c.Err == nil && c.Reply.Status == meta.Missing }},
		"flags that are unknown": {"VA 0 q b kabc W Z O%s X\r\n\r\n", func(c *meta.Call) bool { return c.Reply.Won && c.Reply.Value != nil }},
		"want of memory": {"SERVER_ERROR out of memory\x01 storing object\r\n", func(c *meta.Call) bool {
			var e *meta.ServerError
			return errors.As(c.Err, &e) && e.Text == "out of memory? storing object"
		}},
		"too large for the server": {"SERVER_ERROR object too large for cache\r\n", func(c *meta.Call) bool { return errors.Is(c.Err, meta.ErrTooLarge) }},
		"too large for us":         {"VA 1001 O%s\r\n" + strings.Repeat("x", 1001) + "\r\n", func(c *meta.Call) bool { return errors.Is(c.Err, meta.ErrTooLarge) && c.Reply.Value == nil }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := dial(t, script(t, tt.answer, "VA 1 O%s\r\nv\r\n"))
				if call := get(t.Context(), c, "k"); !tt.check(call) {
					t.Errorf("%q is %+v, %v", tt.answer, call.Reply, call.Err)
				}
				if call := get(t.Context(), c, "k"); string(call.Reply.Value) != "v" || call.Err != nil {
					t.Errorf("the command after it has %+v, %v; want v", call.Reply, call.Err)
				}
			})
		})
	}
}

// A caller that leaves gets its context's error at once; its answer goes to
// nobody else.
//
// SPEC: S02
func TestCallerThatLeavesGivesItsAnswerToNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		c := dial(t, meta.Options{Silence: time.Second, MaxValue: 1000, Dial: greets(echo(hold))})
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		late := make(chan string, 1)
		call := &meta.Call{Command: meta.Command{Verb: meta.Get, Key: "first"}, Late: func(r meta.Reply) { late <- string(r.Value) }}
		round := meta.NewRound(call)
		c.Send(call)
		began := time.Now()
		round.Wait(ctx)
		if took := time.Since(began); !errors.Is(call.Err, context.DeadlineExceeded) || took != 100*time.Millisecond {
			t.Errorf("after %v the caller has %v, want its context's end after 100ms", took, call.Err)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if next := get(t.Context(), c, "next"); string(next.Reply.Value) != "next" {
				t.Errorf("the next command has %q, %v; want its own answer", next.Reply.Value, next.Err)
			}
		})
		synctest.Wait()
		close(hold)
		wg.Wait()
		if got := <-late; got != "first" {
			t.Errorf("the answer that came late is %q, want first", got)
		}
	})
}

// greets is a server that answers the greeting and then does as told.
func greets(then func(net.Conn, *bufio.Reader)) func(context.Context) (net.Conn, error) {
	return func(context.Context) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			r := bufio.NewReader(ours)
			for _, a := range []string{"VERSION 2.0.0\r\n", "MN\r\n", "ERROR\r\n"} {
				if _, err := r.ReadString('\n'); err != nil {
					return
				}
				if _, err := io.WriteString(ours, a); err != nil {
					return
				}
			}
			then(ours, r)
		}()
		return theirs, nil
	}
}

// echo gives each key as its value, once hold is closed.
func echo(hold chan struct{}) func(net.Conn, *bufio.Reader) {
	return func(conn net.Conn, r *bufio.Reader) {
		lines := make(chan string, 100)
		go func() {
			defer close(lines)
			for {
				line, err := r.ReadString('\n')
				if err != nil {
					return
				}
				lines <- line
			}
		}()
		<-hold
		for line := range lines {
			words := strings.Fields(line)
			a := fmt.Sprintf("VA %d %s\r\n%s\r\n", len(words[1]), words[len(words)-1], words[1])
			if _, err := io.WriteString(conn, a); err != nil {
				return
			}
		}
	}
}

// SPEC: R04
func TestSilentServerIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := dial(t, script(t, "VA 1 O%s\r\nv\r\n"))
		get(t.Context(), c, "k")
		time.Sleep(time.Minute) // it owes nothing
		if !c.Alive() {
			t.Fatal("a connection that nobody asks anything was closed")
		}
		began := time.Now()
		call := get(t.Context(), c, "k")
		if took := time.Since(began); !errors.Is(call.Err, meta.ErrSilent) || took < time.Second || took > 2*time.Second {
			t.Errorf("after %v: %v; want ErrSilent after 1 s to 2", took, call.Err)
		}
		if c.Alive() {
			t.Error("the connection is used further")
		}
	})
}

// A server that takes nothing does not fill the memory of its clients.
func TestQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := make(chan struct{})
		defer close(full)
		c := dial(t, meta.Options{Silence: time.Second, MaxValue: 10 << 20, Dial: greets(func(conn net.Conn, _ *bufio.Reader) {
			<-full
			_ = conn.Close()
		})})
		value := make([]byte, 1<<20)
		var calls []*meta.Call
		for range 100 {
			call := &meta.Call{Command: meta.Command{Verb: meta.Set, Key: "k", Value: value}}
			calls = append(calls, call)
			meta.NewRound(call)
			c.Send(call)
		}
		refused := 0
		for _, call := range calls {
			if errors.Is(call.Err, meta.ErrBusy) {
				refused++
			}
		}
		if refused < 80 {
			t.Errorf("%d of 100 MB were refused, want all but about 8", refused)
		}
	})
}

func TestServersThatAreNone(t *testing.T) {
	for name, tt := range map[string]struct {
		answers string
		want    string
	}{
		"an old one":      {"VERSION 1.4.15\r\n|ERROR\r\n", "does not speak the meta protocol"},
		"a web server":    {"HTTP/1.1 400 Bad Request\r\n", "none to what was asked"},
		"a locked one":    {"CLIENT_ERROR unauthenticated\r\n", "refused the username"},
		"one that is mum": {"", "did not answer in time"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dial := func(context.Context) (net.Conn, error) {
					ours, theirs := net.Pipe()
					go func() {
						r := bufio.NewReader(ours)
						for a := range strings.SplitSeq(tt.answers, "|") {
							if _, err := r.ReadString('\n'); err != nil {
								return
							}
							_, _ = io.WriteString(ours, a)
						}
						_, _ = io.Copy(io.Discard, r)
					}()
					return theirs, nil
				}
				l := meta.NewLink(meta.Options{Dial: dial, Silence: time.Second, MaxValue: 1000}, time.Second, 100*time.Millisecond)
				defer l.Close()
				if _, err := l.Conn(t.Context()); err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("Conn = %v, want %q in it", err, tt.want)
				}
			})
		})
	}
}

// Many who want a connection make one, and one attempt in a while where it
// fails.
func TestLinkConnectsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var attempts int
		var mu sync.Mutex
		fail := errors.New("nobody there")
		o := script(t)
		connect := o.Dial
		o.Dial = func(ctx context.Context) (net.Conn, error) {
			mu.Lock()
			attempts++
			broken := fail
			mu.Unlock()
			time.Sleep(10 * time.Millisecond)
			if broken != nil {
				return nil, broken
			}
			return connect(ctx)
		}
		l := meta.NewLink(o, time.Second, 100*time.Millisecond)
		defer l.Close()
		all := func(want error) {
			t.Helper()
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() {
					if _, err := l.Conn(t.Context()); !errors.Is(err, want) {
						t.Errorf("Conn = %v, want %v", err, want)
					}
				})
			}
			wg.Wait()
		}
		all(fail)
		all(fail) // at once: it has just failed
		if attempts != 1 {
			t.Errorf("%d attempts by 100 callers, want 1", attempts)
		}
		mu.Lock()
		fail = nil
		mu.Unlock()
		time.Sleep(100 * time.Millisecond)
		all(nil)
		all(nil)
		if attempts != 2 {
			t.Errorf("%d attempts, want a second one", attempts)
		}
		l.Close()
		all(net.ErrClosed)
	})
}

func FuzzAnswer(f *testing.F) {
	for _, s := range []string{"EN O1\r\n", "VA 3 s3 c1 t-1 f0 O1\r\nabc\r\n", "HD O1 W\r\n", "VA", "SERVER_ERROR x\r\n", "\r\n", "HD  O1\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		ours, theirs := net.Pipe()
		go func() {
			r := bufio.NewReader(ours)
			for _, a := range []string{"VERSION 1.6.18\r\n", "MN\r\n", "END\r\n", string(answer)} {
				if _, err := r.ReadString('\n'); err != nil {
					break
				}
				_, _ = io.WriteString(ours, a)
			}
			_ = ours.Close()
		}()
		c, err := meta.Dial(t.Context(), meta.Options{Dial: func(context.Context) (net.Conn, error) { return theirs, nil }, Silence: time.Second, MaxValue: 1000})
		if err != nil {
			t.Fatal(err)
		}
		call := get(t.Context(), c, "k")
		if call.Err == nil && len(call.Reply.Value) > 1000 {
			t.Errorf("%q gives %d bytes", answer, len(call.Reply.Value))
		}
		c.Close(net.ErrClosed)
	})
}
