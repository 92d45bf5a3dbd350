package redis_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/onefold-go/onefold/adapters/redis"
	"github.com/onefold-go/onefold/codec"
	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/tier"
)

// A holder is a process of its own, to be killed or paused while it holds the
// lease of "k". It stops where the environment says, and prints a line there.
const holderEnv = "ONEFOLD_TEST_HOLDER"

const (
	loading   = "loading"
	loaded    = "loaded" // and not yet stored
	stored    = "stored"
	holderTTL = 500 * time.Millisecond
)

func TestMain(m *testing.M) {
	if where := os.Getenv(holderEnv); where != "" {
		if err := hold(where, os.Getenv(holderEnv+"_URL")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func hold(where, url string) error {
	stop := func(here string) {
		if here == where {
			fmt.Fprintln(os.Stdout, here)
			_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
		}
	}
	store, err := redis.Open(url, redis.Options{})
	if err != nil {
		return err
	}
	c, err := tier.New(func(context.Context, string) (string, error) {
		stop(loading)
		return "holder's", nil
	}, tier.Config{LeaseTTL: holderTTL}, mem.New[string, string](mem.Config{}),
		tier.Encoded[string, string](store, codec.StringKey[string], stopping{codec.JSON[string](), func() { stop(loaded) }}))
	if err != nil {
		return err
	}
	if v, err := c.Get(context.Background(), "k"); v != "holder's" || err != nil {
		return fmt.Errorf("Get = %q, %w", v, err)
	}
	stop(stored)
	fmt.Fprintln(os.Stdout, "done")
	return nil
}

// stopping is a codec that stops before it encodes.
type stopping struct {
	codec.Codec[string]
	stop func()
}

func (s stopping) Append(dst []byte, v string) ([]byte, error) {
	s.stop()
	return s.Codec.Append(dst, v)
}

type holder struct {
	cmd   *exec.Cmd
	lines *bufio.Reader
	in    io.Writer
}

// startHolder starts one and returns when it has stopped where it should.
func startHolder(t *testing.T, url, where string) *holder {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), holderEnv+"="+where, holderEnv+"_URL="+url)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	h := &holder{cmd, bufio.NewReader(out), in}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	h.line(t, where)
	return h
}

func (h *holder) line(t *testing.T, want string) {
	t.Helper()
	if line, err := h.lines.ReadString('\n'); line != want+"\n" || err != nil {
		t.Fatalf("the holder says %q, %v; want %q", line, err, want)
	}
}

func (h *holder) signal(t *testing.T, sig os.Signal) {
	t.Helper()
	if err := h.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// Whoever waits for a process that is killed gets its value if it had stored it,
// and otherwise one of them loads, when the lease is over.
//
// SPEC: R15, R19, X08
func TestHolderIsKilled(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	conn := admin(t, s.Addr)
	for where, loads := range map[string]int64{loading: 1, loaded: 1, stored: 0} {
		ask(t, conn, "FLUSHALL")
		src := newSource("successor's")
		processes := make([]process, 4)
		for i := range processes {
			processes[i] = newProcess(t, open(t, url(s.Addr), redis.Options{Poll: time.Hour}), tier.Config{}, src.load)
			live(t, processes[i].store)
		}
		h := startHolder(t, url(s.Addr), where)
		want := "successor's"
		if where == stored {
			want = "holder's"
		}
		var wg sync.WaitGroup
		for _, p := range processes {
			wg.Go(func() { p.want(t, "k", want) })
		}
		h.signal(t, syscall.SIGKILL)
		wg.Wait()
		if n := src.loads.Load(); n != loads {
			t.Errorf("killed when %s: %d loads in 4 processes, want %d", where, n, loads)
		}
	}
}

// A process that is paused for longer than its lease comes too late.
//
// SPEC: R16
func TestHolderIsPaused(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	h := startHolder(t, url(s.Addr), loading)
	h.signal(t, syscall.SIGSTOP)
	p := newProcess(t, open(t, url(s.Addr), redis.Options{}), tier.Config{}, newSource("successor's").load)
	p.want(t, "k", "successor's")
	h.signal(t, syscall.SIGCONT)
	if _, err := fmt.Fprintln(h.in); err != nil {
		t.Fatal(err)
	}
	h.line(t, "done")
	q := newProcess(t, open(t, url(s.Addr), redis.Options{}), tier.Config{}, newSource("nobody's").load)
	q.want(t, "k", "successor's")
}
