package cli

import (
	"fmt"
	"strings"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/figures"
)

// next says what to try after a run: what this one left out, the most telling
// first, and no more than two things.
func next(f *labFlags, r *figures.Report) string {
	var tries []string
	try := func(when bool, what, command string) {
		if when && len(tries) < 2 {
			tries = append(tries, what+": "+command)
		}
	}
	// again is the same command with more flags: the last of a name counts.
	again := func(flags string) string {
		return "onefold " + quoted(withoutSecrets(f.args)) + " " + flags
	}
	s, replayed := r.Setup, f.trace != ""
	try(s.Fail == 1, "a source that fails less often", again("--fail 0.2"))
	try(r.Partial && replayed, "a shorter replay", again("--speed "+showNumber(f.speed.v*10)))
	try(r.Partial && !replayed, "a shorter run", again("--duration 1s"))
	try(overloaded(r) && replayed, "a speed that the source can bear", again("--speed "+showNumber(f.speed.v/5)))
	try(overloaded(r) && !replayed, "a rate that the source can bear", again("--rate "+showNumber(f.rate.v/5)))
	try(s.Cancel < 0.2 && s.Invalidate < 50 && s.Fail == 0 && !strings.HasPrefix(f.source, "http"), "more trouble", again("--invalidate 50 --cancel 0.2"))
	try(!replayed, "your own traffic", "onefold lab --trace access.log --report lab.html")
	try(f.report == "", "the same with charts", again("--report lab.html"))
	try(s.Repeat == 1, "how much of it is noise", again("--repeat 5"))
	try(s.Slow == 0, "rare slow loads", again("--slow 0.01:500ms"))
	return strings.Join(tries, "; ")
}

// overloaded reports whether even the strategy with the fewest late callers
// had more than one in ten.
func overloaded(r *figures.Report) bool {
	for _, result := range r.Results {
		late := result.Errors.Deadline + result.Errors.LoadTimeout
		if 10*late <= result.Calls*int64(r.Setup.Repeat) {
			return false
		}
	}
	return len(r.Results) > 0
}

// quoted is arguments as a shell takes them.
func quoted(args []string) string {
	words := make([]string, len(args))
	for i, arg := range args {
		words[i] = arg
		if arg == "" || strings.ContainsAny(arg, " \t\n'\"\\$&;|<>*?()#`{}[]~!") {
			words[i] = fmt.Sprintf("'%s'", strings.ReplaceAll(arg, "'", `'\''`))
		}
	}
	return strings.Join(words, " ")
}
