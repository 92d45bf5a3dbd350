// Package pgtest starts a real PostgreSQL server for a test.
package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	startTimeout = 60 * time.Second
	stopTimeout  = 20 * time.Second // after it the server is killed
	attempts     = 3                // another program may take the free port before the server does

	debian = "/usr/lib/postgresql/*/bin/initdb" // where the packages of Debian and its kin put each version
)

// A TB is the part of testing.TB that Start needs.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// Start starts a server with an empty cluster on a free port of 127.0.0.1 and
// returns the URL of its database, with user and password. When the test ends,
// the server is stopped and its files are removed; where the test's process
// dies, the kernel stops the server (on Linux).
//
// The test fails, and is not skipped, where PostgreSQL is not installed.
func Start(tb TB) string {
	tb.Helper()
	bin, err := findBinaries(debian)
	if err != nil {
		tb.Fatalf("pgtest: %v", err)
	}
	s := &server{bin: bin, password: "secret-of-pgtest"}
	tb.Cleanup(func() {
		if err := s.stop(); err != nil {
			tb.Errorf("pgtest: %v", err)
		}
	})
	if err := s.initialize(); err != nil {
		tb.Fatalf("pgtest: %v", err)
	}
	for attempt := 1; ; attempt++ {
		err := s.start()
		if err == nil {
			return s.url()
		}
		if attempt == attempts || !strings.Contains(s.log.String(), "could not bind") {
			tb.Fatalf("pgtest: %v", err)
		}
	}
}

// A server is one cluster, in a directory of its own, and the process that
// serves it.
type server struct {
	bin      string
	password string
	account  *account // to run as; nil: our own
	dir      string
	port     int
	process  *os.Process
	exited   chan struct{} // closed when the process is gone
	log      bytes.Buffer  // of the process; read after exited only
}

func (s *server) url() string {
	return fmt.Sprintf("postgres://onefold:%s@127.0.0.1:%d/postgres?sslmode=disable", url.QueryEscape(s.password), s.port)
}

// initialize makes the directory and the cluster in it.
func (s *server) initialize() error {
	var err error
	if s.account, err = unprivileged(); err != nil {
		return err
	}
	if s.dir, err = os.MkdirTemp("", "onefold-pgtest-"); err != nil {
		return err
	}
	passwordFile := filepath.Join(s.dir, "password")
	if err := os.WriteFile(passwordFile, []byte(s.password), 0o600); err != nil {
		return err
	}
	for _, name := range []string{s.dir, passwordFile} {
		if err := s.account.own(name); err != nil {
			return err
		}
	}
	initdb := s.command("initdb", "--pgdata="+filepath.Join(s.dir, "data"), "--username=onefold", "--pwfile="+passwordFile,
		"--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-sync")
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w; TMPDIR must be a directory that the user postgres may enter\n%s", err, out)
	}
	return nil
}

// start starts the server and waits until it answers a query.
func (s *server) start() error {
	var err error
	if s.port, err = freePort(); err != nil {
		return err
	}
	s.log.Reset()
	postgres := s.command("postgres", "-D", filepath.Join(s.dir, "data"), "-F", "-p", strconv.Itoa(s.port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=50")
	postgres.Stdout, postgres.Stderr = &s.log, &s.log

	// The kernel signals the server when the thread that started it ends, so
	// this goroutine keeps its thread until the server is gone.
	started := make(chan error)
	exited := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := postgres.Start()
		started <- err
		if err == nil {
			_ = postgres.Wait() // the log says why it ended
		}
		close(exited)
	}()
	if err := <-started; err != nil {
		return err
	}
	s.process, s.exited = postgres.Process, exited
	return s.awaitReady()
}

func (s *server) awaitReady() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		conn, err := pgx.Connect(ctx, s.url())
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-again.C:
		case <-s.exited:
			return fmt.Errorf("postgres ended at its start:\n%s", &s.log)
		case <-ctx.Done():
			return fmt.Errorf("postgres did not answer within %v: %w", startTimeout, err)
		}
	}
}

// stop ends the server, whatever start came to, and removes its files.
func (s *server) stop() error {
	var errs []error
	if s.process != nil {
		if err := s.process.Signal(syscall.SIGINT); err != nil && !errors.Is(err, os.ErrProcessDone) { // PostgreSQL's fast shutdown
			errs = append(errs, err)
		}
		late := time.AfterFunc(stopTimeout, func() { _ = s.process.Kill() }) // fails only when it is gone
		<-s.exited
		late.Stop()
	}
	if s.dir != "" {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	return errors.Join(errs...)
}

func (s *server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC")
	cmd.SysProcAttr = s.account.attributes()
	return cmd
}

// findBinaries returns the directory of PostgreSQL's programs: one on PATH, or
// that of the newest version that is installed.
func findBinaries(installed string) (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		path, err = filepath.EvalSymlinks(path)
		if _, missing := os.Stat(filepath.Join(filepath.Dir(path), "postgres")); err == nil && missing == nil {
			return filepath.Dir(path), nil
		}
	}
	var newest string
	var version int
	found, err := filepath.Glob(installed)
	if err != nil {
		return "", err
	}
	for _, path := range found {
		bin := filepath.Dir(path)
		if v, err := strconv.Atoi(filepath.Base(filepath.Dir(bin))); err == nil && v > version {
			newest, version = bin, v
		}
	}
	if newest == "" {
		return "", fmt.Errorf("no PostgreSQL: neither initdb on PATH nor %s; run `make deps` to install it", installed)
	}
	return newest, nil
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}
