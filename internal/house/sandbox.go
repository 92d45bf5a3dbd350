//go:build unix

package house

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// exampleTimeout bounds one example. The longest is the main job, which takes
// a minute once it is built.
const exampleTimeout = 8 * time.Minute

// A Sandbox is a copy of the working copy in which examples run: what they
// write stays there, and a file that git does not know is not there to help.
type Sandbox struct {
	dir      string
	programs int
}

// NewSandbox copies the files of the working copy at root that git tracks, or
// would with git add, to the empty directory dir.
func NewSandbox(ctx context.Context, root, dir string) (*Sandbox, error) {
	list := exec.CommandContext(ctx, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("house: listing the files of %s: %w", root, withStderr(err))
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		if err := copyFile(filepath.Join(root, name), filepath.Join(dir, name)); err != nil {
			return nil, fmt.Errorf("house: copying the working copy: %w", err)
		}
	}
	return &Sandbox{dir: dir}, nil
}

// copyFile copies a file with its mode. One that is tracked but deleted is no
// error: the next commit will not have it either.
func copyFile(from, to string) error {
	info, err := os.Stat(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, data, info.Mode().Perm())
}

// Run runs an example and compares what it prints with what it says.
func (s *Sandbox) Run(ctx context.Context, e Example) error {
	if e.Lang == "go" {
		return s.runProgram(ctx, e)
	}
	commands, err := e.Commands()
	if err != nil {
		return err
	}
	for _, c := range commands {
		got, err := s.run(ctx, "bash", "-euo", "pipefail", "-c", c.Text)
		if err != nil {
			return fmt.Errorf("%s: %w", strings.TrimSpace(c.Text), err)
		}
		if c.Checks && !Matches(got, c.Want) {
			return fmt.Errorf("%s printed\n%s\nwant\n%s", strings.TrimSpace(c.Text), got, c.Want)
		}
	}
	return nil
}

// runProgram builds a Go program as a reader would: in a module of its own,
// which sees our modules through the workspace.
func (s *Sandbox) runProgram(ctx context.Context, e Example) error {
	if !strings.Contains(e.Text, "package main\n") {
		return errors.New("want a whole program, from package main to its last brace")
	}
	s.programs++
	name := fmt.Sprintf("example%d", s.programs)
	dir := filepath.Join(s.dir, name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/"+name+"\n\ngo 1.26.0\n"), 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(e.Text), 0o644); err != nil {
		return err
	}
	if _, err := s.run(ctx, "go", "work", "use", "./"+name); err != nil {
		return err
	}
	got, err := s.run(ctx, "go", "run", "./"+name)
	if err != nil {
		return err
	}
	if e.Checks && !Matches(got, e.Want) {
		return fmt.Errorf("the program printed\n%s\nwant\n%s", got, e.Want)
	}
	return nil
}

// run runs a command in the sandbox, without input, and returns its standard
// output. When ctx or its time ends, all that it started is killed.
func (s *Sandbox) run(ctx context.Context, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, exampleTimeout)
	defer cancel()

	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = s.dir
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		// Of the make and the go command that run us; not the reader's.
		return strings.HasPrefix(v, "MAKE") || strings.HasPrefix(v, "MFLAGS=") || strings.HasPrefix(v, "GOWORK=")
	})
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 10 * time.Second

	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if ctx.Err() != nil {
		err = fmt.Errorf("did not end in %v", exampleTimeout)
	}
	if err != nil {
		return "", fmt.Errorf("%w; it printed\n%s%s", err, stdout.String(), stderr.String())
	}
	return stdout.String(), nil
}

// withStderr adds what a failed command said to its error.
func withStderr(err error) error {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return fmt.Errorf("%w: %s", err, bytes.TrimSpace(exit.Stderr))
	}
	return err
}
