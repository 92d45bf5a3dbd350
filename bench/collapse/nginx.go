package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"text/template"
	"time"
)

const (
	nginxStart = 20 * time.Second
	nginxStop  = 10 * time.Second // after it the processes are killed
	nginxTries = 3                // another program may take the free port first
)

var nginxDefault = contender{
	name: "nginx lock",
	how:  "`proxy_cache_lock on`, all else as nginx has it",
	open: func(s setting) (opened, error) { return openNginx(s, "") },
}

var nginxTuned = contender{
	name: "nginx lock, tuned",
	how:  "`proxy_cache_lock_timeout` and `_age` of one load and a little, errors kept for 1 s, `proxy_read_timeout` of a caller's budget",
	open: func(s setting) (opened, error) {
		ms := func(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) + "ms" }
		patience := s.plan.Load + s.plan.Slack
		return openNginx(s, fmt.Sprintf(`proxy_cache_lock_timeout %s;
			proxy_cache_lock_age %s;
			proxy_cache_valid 503 504 1s;
			proxy_read_timeout %s;`, ms(patience), ms(patience), ms(s.plan.Budget)))
	},
}

func openNginx(s setting, tuning string) (opened, error) {
	n, err := startNginx(s.source, tuning)
	if err != nil {
		return opened{}, err
	}
	var net net.Dialer
	front := newClient("http://"+n.address, net.DialContext, s.plan.Callers)
	return opened{
		get: s.patient(front.load),
		close: func() error {
			front.close()
			return n.stop()
		},
	}, nil
}

// An nginx is a server of our own, with its files in a directory of its own. It
// has nothing to do with one that the system may run.
type nginx struct {
	dir     string
	address string
	process *os.Process
	exited  chan struct{} // closed when the process is gone
	log     bytes.Buffer  // of the process; read after exited only
}

var nginxConfig = template.Must(template.New("nginx.conf").Parse(`
daemon off;
worker_processes 1;
pid {{.Dir}}/pid;
error_log stderr error;
events { worker_connections 4096; }
http {
	access_log off;
	client_body_temp_path {{.Dir}}/body;
	proxy_temp_path {{.Dir}}/proxy;
	fastcgi_temp_path {{.Dir}}/fastcgi;
	uwsgi_temp_path {{.Dir}}/uwsgi;
	scgi_temp_path {{.Dir}}/scgi;
	proxy_cache_path {{.Dir}}/cache keys_zone=answers:1m;
	server {
		listen {{.Address}};
		location / {
			proxy_pass http://{{.Source}};
			proxy_cache answers;
			proxy_cache_lock on;
			{{.Tuning}}
		}
	}
}
`))

// startNginx starts an nginx in front of source and waits until it answers.
func startNginx(source, tuning string) (*nginx, error) {
	bin, err := findNginx()
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		n := &nginx{}
		err := n.start(bin, source, tuning)
		if err == nil {
			return n, nil
		}
		err = errors.Join(err, n.stop())
		if try == nginxTries || !strings.Contains(n.log.String(), "Address already in use") {
			return nil, err
		}
	}
}

func (n *nginx) start(bin, source, tuning string) error {
	var err error
	if n.dir, err = os.MkdirTemp("", "onefold-collapse-"); err != nil {
		return err
	}
	if err := os.Chmod(n.dir, 0o755); err != nil { // the workers of a root's nginx are another user
		return err
	}
	if n.address, err = freeAddress(); err != nil {
		return err
	}
	var conf bytes.Buffer
	if err := nginxConfig.Execute(&conf, struct{ Dir, Address, Source, Tuning string }{n.dir, n.address, source, tuning}); err != nil {
		return err
	}
	name := filepath.Join(n.dir, "nginx.conf")
	if err := os.WriteFile(name, conf.Bytes(), 0o644); err != nil {
		return err
	}
	if err := n.run(exec.Command(bin, "-p", n.dir, "-e", "stderr", "-c", name)); err != nil {
		return err
	}
	return n.awaitReady()
}

// run starts cmd. The kernel ends an nginx whose starter has died, and takes
// the thread for the starter, so the goroutine that waits for the process keeps
// its thread.
func (n *nginx) run(cmd *exec.Cmd) error {
	cmd.Stdout, cmd.Stderr = &n.log, &n.log
	cmd.SysProcAttr = ownGroup()
	started, exited := make(chan error), make(chan struct{})
	go func() {
		defer close(exited)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // the log says why it ended
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	n.process, n.exited = cmd.Process, exited
	return nil
}

func (n *nginx) awaitReady() error {
	ctx, cancel := context.WithTimeout(context.Background(), nginxStart)
	defer cancel()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, "tcp", n.address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-again.C:
		case <-n.exited:
			return fmt.Errorf("nginx ended at its start:\n%s", &n.log)
		case <-ctx.Done():
			return fmt.Errorf("nginx did not answer within %v: %w", nginxStart, err)
		}
	}
}

// stop ends the process, whatever start came to, and removes its files.
func (n *nginx) stop() error {
	var errs []error
	if n.process != nil {
		if err := n.process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) { // nginx's fast shutdown
			errs = append(errs, err)
		}
		// Then its group goes, as a master that is killed leaves its workers. It
		// fails only when they are gone.
		late := time.AfterFunc(nginxStop, func() { _ = syscall.Kill(-n.process.Pid, syscall.SIGKILL) })
		<-n.exited
		late.Stop()
	}
	if n.dir != "" {
		errs = append(errs, os.RemoveAll(n.dir))
	}
	return errors.Join(errs...)
}

// findNginx looks on PATH, and where Debian puts it, which is not on
// everybody's.
func findNginx() (string, error) {
	for _, name := range []string{"nginx", "/usr/sbin/nginx"} {
		if bin, err := exec.LookPath(name); err == nil {
			return bin, nil
		}
	}
	return "", errors.New("no nginx, neither on PATH nor in /usr/sbin; run `make deps` to install it, or leave it out with -skip nginx")
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
