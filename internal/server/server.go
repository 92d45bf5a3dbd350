// Package server runs real Redis and memcached servers, for tests and
// benchmarks: each on a free port of 127.0.0.1, in a directory of its own. Where
// the process that started one dies, the kernel ends it (on Linux).
package server

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	startTimeout = 30 * time.Second
	stopTimeout  = 10 * time.Second // after it the server is killed
	attempts     = 5                // another program may take the free port before the server does
)

// A Server is one server process, and the directory that outlives it when it is
// killed and started again. Its methods may be called from many goroutines, but
// Start and Stop by one at a time.
type Server struct {
	Addr string // host:port; the same over restarts
	Dir  string // its working directory

	kind kind
	args []string

	process *os.Process
	exited  chan struct{} // closed when the process is gone
	log     *output       // of the present process
}

// A kind is what there is to know of one program.
type kind struct {
	program string
	install string                                // what apt calls it
	args    func(host, port, dir string) []string // to listen there
	ask     string                                // a request that does nothing
	answers []string                              // what its answer may begin with when it serves
}

// start starts a server of the kind on a free port.
func start(k kind, args []string) (*Server, error) {
	dir, err := os.MkdirTemp("", "onefold-"+k.program+"-")
	if err != nil {
		return nil, err
	}
	s := &Server{Dir: dir, kind: k, args: args}
	for attempt := 1; ; attempt++ {
		if s.Addr, err = freeAddr(); err == nil {
			err = s.Start()
		}
		if err == nil {
			return s, nil
		}
		if attempt == attempts || !errors.Is(err, errInUse) {
			return nil, errors.Join(err, s.Stop())
		}
	}
}

// Start starts the server again after a Kill, on the port and in the directory
// that it had, and returns when it answers.
func (s *Server) Start() error {
	path, err := exec.LookPath(s.kind.program)
	if err != nil {
		return fmt.Errorf("server: %w: install %s (`make deps` does)", err, s.kind.install)
	}
	host, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return err
	}
	cmd := exec.Command(path, append(s.kind.args(host, port, s.Dir), s.args...)...)
	cmd.Dir = s.Dir
	cmd.SysProcAttr = dieWithUs()
	s.log = new(output)
	cmd.Stdout, cmd.Stderr = s.log, s.log

	// The kernel signals the server when the thread that started it ends, so
	// this goroutine keeps its thread until the server is gone.
	started, exited := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // the log says why it ended
		}
		close(exited)
	}()
	if err := <-started; err != nil {
		return err
	}
	s.process, s.exited = cmd.Process, exited
	return s.awaitReady()
}

// errInUse is that of a server whose port was taken before it could.
var errInUse = errors.New("port in use")

func (s *Server) awaitReady() error {
	late := time.NewTimer(startTimeout)
	defer late.Stop()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for !s.answers() {
		select {
		case <-again.C:
		case <-s.exited:
			log := s.log.String()
			if strings.Contains(log, "in use") {
				return fmt.Errorf("server: %w: %s", errInUse, log)
			}
			return fmt.Errorf("server: %s ended at its start:\n%s", s.kind.program, log)
		case <-late.C:
			return fmt.Errorf("server: %s did not answer within %v:\n%s", s.kind.program, startTimeout, s.log)
		}
	}
	return nil
}

// answers reports whether the server, and not another on its port, serves.
func (s *Server) answers() bool {
	conn, err := net.DialTimeout("tcp", s.Addr, time.Second)
	if err != nil {
		return false
	}
	defer conn.Close() //nolint:errcheck // nothing was written that matters
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return false
	}
	if _, err := conn.Write([]byte(s.kind.ask)); err != nil {
		return false
	}
	var b [64]byte
	n, err := conn.Read(b[:])
	if err != nil {
		return false
	}
	for _, a := range s.kind.answers {
		if strings.HasPrefix(string(b[:n]), a) {
			select {
			case <-s.exited: // it was another's answer
				return false
			default:
				return true
			}
		}
	}
	return false
}

// Pause stops the process where it is, with SIGSTOP: its connections stay open
// and nothing answers.
func (s *Server) Pause() error { return s.process.Signal(syscall.SIGSTOP) }

// Resume lets a paused process go on.
func (s *Server) Resume() error { return s.process.Signal(syscall.SIGCONT) }

// Kill ends the process with SIGKILL and returns when it is gone. What is in its
// directory stays, for the next Start.
func (s *Server) Kill() error {
	err := s.process.Kill()
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	<-s.exited
	return err
}

// Stop ends the process, whatever state it is in, and removes its directory.
func (s *Server) Stop() error {
	var errs []error
	if s.process != nil {
		for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGCONT} {
			if err := s.process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
				errs = append(errs, err)
			}
		}
		late := time.AfterFunc(stopTimeout, func() { _ = s.process.Kill() }) // fails only when it is gone
		<-s.exited
		late.Stop()
	}
	return errors.Join(append(errs, os.RemoveAll(s.Dir))...)
}

// Log is what the process has printed.
func (s *Server) Log() string { return s.log.String() }

// PID is the process's id.
func (s *Server) PID() int { return s.process.Pid }

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// An output is what a process prints, to be read while it does.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}
