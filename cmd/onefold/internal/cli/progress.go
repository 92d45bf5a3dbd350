package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab"
)

// progressModes are the values of --progress.
var progressModes = []string{"auto", "bar", "plain", "none"}

// A progress tells of a run while it goes on. Its methods are for one
// goroutine.
type progress interface {
	step(lab.Step)
	say(string) // a line that stays
	end()       // leaves the line free for what follows
}

func newProgress(mode string, errw io.Writer) progress {
	if mode == "auto" {
		mode = "plain"
		if isTerminal(errw) {
			mode = "bar"
		}
	}
	switch mode {
	case "bar":
		return startBar(errw, terminalWidth(errw))
	case "plain":
		return &lines{w: errw}
	default:
		return silence{}
	}
}

type silence struct{}

func (silence) step(lab.Step) {}
func (silence) say(string)    {}
func (silence) end()          {}

// lines prints a line for each step.
type lines struct{ w io.Writer }

func (l *lines) step(s lab.Step) {
	if s.Replay {
		tell(l.w, fmt.Sprintf("[%d/%d] %s", s.Done+1, s.Of, s.Title))
	} else {
		tell(l.w, s.Title)
	}
}

func (l *lines) say(text string) { tell(l.w, text) }
func (l *lines) end()            {}

// A bar is one line of a terminal, drawn anew ten times a second.
type bar struct {
	w     io.Writer
	width int
	stop  chan struct{}
	gone  chan struct{}

	mu    sync.Mutex // guards w as well
	now   lab.Step   // guarded by mu
	since time.Time  // guarded by mu; when now began
}

func startBar(w io.Writer, width int) *bar {
	b := &bar{w: w, width: width, stop: make(chan struct{}), gone: make(chan struct{})}
	go b.run()
	return b
}

// run draws until end is called.
func (b *bar) run() {
	defer close(b.gone)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			b.draw()
		case <-b.stop:
			b.print("\r\x1b[K")
			return
		}
	}
}

func (b *bar) step(s lab.Step) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now, b.since = s, time.Now()
}

func (b *bar) say(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.print("\r\x1b[K" + text + "\n")
}

func (b *bar) end() {
	close(b.stop)
	<-b.gone
}

func (b *bar) draw() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.now.Title != "" {
		b.print("\r" + barLine(b.now, time.Since(b.since), b.width) + "\x1b[K")
	}
}

func (b *bar) print(text string) { _, _ = io.WriteString(b.w, text) } // see tell

// barLine is the picture of a step that has taken so long until now.
func barLine(s lab.Step, took time.Duration, width int) string {
	const cells = 30
	done := float64(s.Done)
	if s.Replay && s.Takes > 0 {
		done += min(1, took.Seconds()/s.Takes.Seconds())
	}
	share := 0.0
	if s.Of > 0 {
		share = done / float64(s.Of)
	}
	full := int(share * cells)
	line := fmt.Sprintf("[%s%s] %3.0f %%  %s", strings.Repeat("=", full), strings.Repeat(" ", cells-full), 100*share, s.Title)
	if s.Replay {
		line += fmt.Sprintf(" (%d of %d)", min(s.Done+1, s.Of), s.Of)
	}
	if width > 0 && len(line) >= width {
		line = line[:width-1]
	}
	return line
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// isColorful says whether w shows colors and its user wants them.
func isColorful(w io.Writer) bool {
	return isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// terminalWidth is the number of columns, or 0 where w is no terminal.
func terminalWidth(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}
