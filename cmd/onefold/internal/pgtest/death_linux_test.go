package pgtest_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/onefold-go/onefold/cmd/onefold/internal/pgtest"
)

const dyingProcess = "ONEFOLD_PGTEST_DYING_PROCESS"

// TestMain is also the process that dies without any cleanup.
func TestMain(m *testing.M) {
	if os.Getenv(dyingProcess) != "" {
		pgtest.Start(noCleanup{})
		os.Exit(3)
	}
	os.Exit(m.Run())
}

type noCleanup struct{}

func (noCleanup) Helper()                           {}
func (noCleanup) Cleanup(func())                    {}
func (noCleanup) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (noCleanup) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func TestServerEndsWithItsProcess(t *testing.T) {
	dir := traversable(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	process := exec.Command(self)
	process.Env = append(os.Environ(), dyingProcess+"=1", "TMPDIR="+dir)
	process.WaitDelay = 20 * time.Second
	out, err := process.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 3 {
		t.Fatalf("the process ended with %v, want exit code 3\n%s", err, out)
	}
	made, err := filepath.Glob(filepath.Join(dir, "*", "data"))
	if err != nil || len(made) != 1 {
		t.Fatalf("clusters made: %v, %v; want one", made, err)
	}

	// The last thing that a server does is to remove its lock file.
	lock := filepath.Join(made[0], "postmaster.pid")
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	late := time.After(20 * time.Second)
	for {
		content, err := os.ReadFile(lock)
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		select {
		case <-again.C:
		case <-late:
			pid, _, _ := strings.Cut(string(content), "\n")
			t.Fatalf("the server outlived its process: end it with kill -INT %s", pid)
		}
	}
}
