//go:build !windows

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/creack/pty"

	"github.com/onefold-go/onefold/advise"
	"github.com/onefold-go/onefold/advise/trace"
	"github.com/onefold-go/onefold/advise/trace/tracegen"
)

// asCommand has the test's program be the command.
const asCommand = "ONEFOLD_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	os.Exit(m.Run())
}

// A terminal is a command that somebody sits at.
type terminal struct {
	t    *testing.T
	cmd  *exec.Cmd
	tty  *os.File
	seen strings.Builder
}

// advising starts onefold advise at a terminal of 100 columns, on a trace of
// which coalescing is the advice.
func advising(t *testing.T, args ...string) *terminal {
	t.Helper()
	path := filepath.Join(t.TempDir(), "trace.csv")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(tracegen.Write(file, trace.CSV, tracegen.Plain, tracegen.Workload{Seed: 1, Requests: 5000, Rate: 1500, Keys: 4}), file.Close())
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], append([]string{"advise", path, "--ttl", "1s", "--loader", "20ms", "--seed", "1"}, args...)...) //nolint:gosec // this program
	cmd.Env = append(os.Environ(), asCommand+"=1", "TERM=xterm")
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 60, Cols: 100})
	if err != nil {
		t.Fatal(err)
	}
	at := &terminal{t: t, cmd: cmd, tty: tty}
	t.Cleanup(func() {
		_ = tty.Close()
		_ = cmd.Process.Kill() // nothing, if it was waited for
		_ = cmd.Wait()
	})
	return at
}

// until reads the screen until it has a text so many times.
func (at *terminal) until(text string, times int) {
	at.t.Helper()
	buffer := make([]byte, 4096)
	for strings.Count(at.seen.String(), text) < times {
		n, err := at.tty.Read(buffer)
		at.seen.Write(buffer[:n])
		if err != nil {
			at.t.Fatalf("%q was %d times on the screen before the end (%v), want %d:\n%s", text, strings.Count(at.seen.String(), text), err, times, at.seen.String())
		}
	}
}

func (at *terminal) types(keys string) {
	at.t.Helper()
	if _, err := at.tty.WriteString(keys); err != nil {
		at.t.Fatal(err)
	}
}

// ends waits for the command and holds it to an exit code.
func (at *terminal) ends(code int) string {
	at.t.Helper()
	for { // a terminal whose last program has ended gives an error, not io.EOF
		buffer := make([]byte, 4096)
		n, err := at.tty.Read(buffer)
		at.seen.Write(buffer[:n])
		if err != nil {
			break
		}
	}
	err := at.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		at.t.Fatal(err)
	}
	if got := at.cmd.ProcessState.ExitCode(); got != code {
		at.t.Errorf("exit code %d, want %d:\n%s", got, code, at.seen.String())
	}
	return at.seen.String()
}

const prompt = "\r\n> "

func TestAnswersAreTyped(t *testing.T) {
	at := advising(t)
	at.until(prompt, 1)
	at.types("maybe\r")
	at.until("yes, no, or nothing", 1)
	at.until("\n> ", 2)
	questions := advise.Questions()
	for i := range questions {
		at.until("\n> ", i+2)
		at.types("yes: typed by hand\r")
	}
	screen := at.ends(0)
	for _, w := range []string{"CACHE COALESCING", "Settings", "> cache+coalescing"} {
		if !strings.Contains(screen, w) {
			t.Errorf("%q is not on the screen:\n%s", w, screen)
		}
	}
	for _, w := range []string{"REFUSE", "Unanswered"} {
		if strings.Contains(screen, w) {
			t.Errorf("%q is on the screen:\n%s", w, screen)
		}
	}
	last := 0
	for _, q := range questions { // in their order, each once
		first, _, _ := strings.Cut(q.Text, " ")
		i := strings.Index(screen[last:], "\n"+first)
		if i < 0 {
			t.Errorf("the question %q is not on the screen, or out of order:\n%s", q.Text, screen)
			break
		}
		last += i + 1
	}
}

// A no that is typed forbids to share loads, and its reason is in the report.
func TestNoIsTyped(t *testing.T) {
	var args []string
	for _, q := range advise.Questions()[1:] {
		args = append(args, "--answer", q.ID+"=yes")
	}
	file := filepath.Join(t.TempDir(), "advice.json")
	at := advising(t, append(args, "--json", file)...)
	at.until(prompt, 1)
	at.types("no: it writes an audit record\r")
	if screen := at.ends(0); !strings.Contains(screen, "REFUSE UNSAFE") || strings.Count(screen, prompt) < 1 {
		t.Errorf("the screen is:\n%s", screen)
	}
	if b, err := os.ReadFile(file); err != nil || !strings.Contains(string(b), "it writes an audit record") {
		t.Errorf("the reason is not in the report (%v)", err)
	}
}

// Ctrl-C at a question ends the command as any interrupt does.
func TestInterruptAtAQuestion(t *testing.T) {
	at := advising(t)
	at.until(prompt, 1)
	at.types("yes\r")
	at.until("\n> ", 2)
	at.types("\x03")
	if screen := at.ends(130); strings.Contains(screen, "Each way to serve") {
		t.Errorf("there is a report:\n%s", screen)
	}
}

// Ctrl-D leaves the questions open that are left.
func TestEndOfInputAtAQuestion(t *testing.T) {
	at := advising(t)
	at.until(prompt, 1)
	at.types("yes\r")
	at.until("\n> ", 2)
	at.types("\x04")
	screen := at.ends(0)
	_, report, _ := strings.Cut(screen, "REFUSE UNSAFE")
	if !strings.Contains(report, "same_for_all") || !strings.Contains(report, "read_only") || strings.Contains(report, "  idempotent ") {
		t.Errorf("the open questions are not those that are left:\n%s", screen)
	}
}

// With --no-ask nothing is asked, though there is somebody to ask.
func TestNothingIsAsked(t *testing.T) {
	at := advising(t, "--no-ask")
	if screen := at.ends(0); strings.Contains(screen, "What a trace cannot tell. Answer") || !strings.Contains(screen, "REFUSE UNSAFE") {
		t.Errorf("the screen is:\n%s", screen)
	}
}
