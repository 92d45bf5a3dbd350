package cli

import (
	"github.com/spf13/cobra"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/arrival"
)

var (
	WithoutSecrets = withoutSecrets
	BarLine        = barLine
	Hottest        = hottest
	Version        = version
	StartBar       = startBar
	Quoted         = quoted
	Next           = next
	SameRules      = sameRules
	ToolBeside     = toolBeside
)

func (b *bar) Step(s lab.Step) { b.step(s) }
func (b *bar) Say(text string) { b.say(text) }
func (b *bar) End()            { b.end() }

// LabFlags are the flags of a command line.
func LabFlags(args ...string) *labFlags {
	cmd := &cobra.Command{}
	f := newLabFlags(cmd)
	f.args = append([]string{"lab"}, args...)
	if err := cmd.ParseFlags(args); err != nil {
		panic(err)
	}
	f.settle()
	return f
}

// LongRun is the warning before a replay at the recorded speed.
func LongRun(stream *arrival.Stream, trace string, kinds int) string {
	f := labFlags{trace: trace, speed: number(1), repeat: whole(1)}
	return f.longRun(stream, kinds)
}
