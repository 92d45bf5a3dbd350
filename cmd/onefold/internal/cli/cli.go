// Package cli is the command line of onefold: what it accepts, what it prints
// where, and how it ends.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// The exit codes.
const (
	exitOK          = 0
	exitFailure     = 1   // something went wrong on the way
	exitUsage       = 2   // a command, a flag or a value that cannot be
	exitPartial     = 3   // vet: not all was checked
	exitInterrupted = 130 // as a shell has it: 128 and the number of SIGINT
)

const exitCodes = `Exit codes:
  0    done
  1    failure: the source, the trace or a file could not be used
  2    usage: a command, a flag or a value that cannot be
  130  interrupted: what was measured until then has been printed`

// Main runs onefold with the arguments behind its name and returns the exit
// code. Figures go to out; progress, notes and errors go to errw. When ctx
// ends, the run is interrupted.
func Main(ctx context.Context, args []string, out, errw io.Writer) int {
	root := newRoot(args) //nolint:contextcheck // a command gets its context from ExecuteContext
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errw)
	return exitCode(root.ExecuteContext(ctx), errw)
}

func newRoot(args []string) *cobra.Command {
	root := &cobra.Command{
		Use:   "onefold",
		Short: "Many callers, one load, and never an answer that was invalidated",
		Long: `Onefold is a Go library for services that load something slow under concurrent
misses. This command shows, on your machine and on your traffic, what such
misses do under each way of handling them, and finds code that handles them
wrongly.

Start with: onefold lab, onefold vet

` + exitCodes,
		Version:       version(debug.ReadBuildInfo()),
		Args:          noArguments,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetVersionTemplate("onefold {{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())}
	})
	root.AddCommand(newLab(args), newVet(), newAdvise(args))
	return root
}

// noArguments refuses words that are neither flags nor commands.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	what := "argument"
	if cmd.HasSubCommands() {
		what = "command"
	}
	return usageError{fmt.Errorf("unknown %s %q for %q; see %s --help", what, args[0], cmd.CommandPath(), cmd.CommandPath())}
}

// A usageError is the caller's mistake, found before anything was done.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// errInterrupted ends a run that was stopped from outside.
var errInterrupted = errors.New("interrupted")

// exitCode tells the user of err and returns the code that stands for it.
func exitCode(err error, errw io.Writer) int {
	var (
		usage   usageError
		partial partialError
		other   exitError
	)
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	case errors.As(err, &other):
		complain(errw, err)
		return other.code
	case errors.Is(err, errFound):
		return exitFailure
	case errors.As(err, &partial):
		if partial.why != nil {
			complain(errw, partial.why)
		}
		return exitPartial
	case errors.As(err, &usage):
		complain(errw, err)
		return exitUsage
	default:
		complain(errw, err)
		return exitFailure
	}
}

// complain prints an error, a line for each that it joins, without the names
// of packages, which are of no use to who typed a command.
func complain(errw io.Writer, err error) {
	for line := range strings.Lines(err.Error()) {
		line = strings.TrimRight(line, "\n")
		for _, name := range []string{"arrival: ", "source: ", "report: ", "advise: ", "trace: "} {
			line = strings.ReplaceAll(strings.TrimPrefix(line, name), ": "+name, ": ")
		}
		if strings.HasPrefix(line, " ") {
			tell(errw, line) // goes with the line before
			continue
		}
		tell(errw, "onefold: "+line)
	}
}

// tell prints a line for whoever watches. Where it cannot be printed, nobody
// does.
func tell(errw io.Writer, line string) { _, _ = fmt.Fprintln(errw, line) }

// version is that of the module, and of the commit where it is known.
func version(info *debug.BuildInfo, ok bool) string {
	if !ok {
		return "unknown, " + runtime.Version()
	}
	v := strings.Trim(info.Main.Version, "()")
	if v == "" {
		v = "devel"
	}
	var revision, modified string
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			revision = s.Value[:min(12, len(s.Value))]
		case "vcs.modified":
			if s.Value == "true" {
				modified = " and changes"
			}
		}
	}
	if revision != "" && !strings.Contains(v, revision) {
		v += ", commit " + revision + modified
	}
	return v + ", " + info.GoVersion
}
