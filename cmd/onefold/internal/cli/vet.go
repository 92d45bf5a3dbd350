package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/onefold-go/onefold/lint"
	"github.com/onefold-go/onefold/lint/driver"
)

const (
	vetExitCodes = `Exit codes:
  0    nothing was found that --fail-on counts
  1    something was found
  2    usage: a flag, a value or a file that cannot be
  3    not all was checked: a package that cannot be loaded or does not compile,
       or a rule that failed
  130  interrupted`

	vetLong = `Vet finds misused coalescing of loads: in code that uses x/sync's singleflight,
one of its copies and forks, or Onefold. It says so only where it is sure; what
is found in doubt is off by default or a note.

It runs go vet with this program as its tool, so it finds packages, build tags
and vendored code as go vet does, and looks again only at what changed. Packages
are named as for the go command; without any it takes ./...

A comment on a finding's line, or on the line above, answers it, and a comment
that answers nothing is found as well:

  //onefold:ok <rule> <reason>

` + vetExitCodes

	vetExamples = `  onefold vet                                         the packages below this directory
  onefold vet --enable sideeffect,nocache ./...       two rules more than the default ones
  onefold vet --disable all --enable ctxcapture       one rule
  onefold vet --diff                                  what --fix would do
  onefold vet --fix                                   mend what can be mended
  onefold vet --baseline vet.json --write-baseline    begin with what there is
  onefold vet --baseline vet.json                     and then find what is new
  onefold vet --sarif onefold.sarif --open            for GitHub
  onefold vet --list                                  the rules`
)

// vetFlags are the flags of onefold vet.
type vetFlags struct {
	enable, disable []string
	tags            string
	tests           bool
	failOn          string
	json            bool
	sarif           string
	fix, diff       bool
	baseline        string
	writeBaseline   bool
	open            bool
	quiet           bool
	list            bool
	packages        []string
}

func newVet() *cobra.Command {
	f := new(vetFlags)
	cmd := &cobra.Command{
		Use:     "vet [flags] [packages]",
		Short:   "Find misused coalescing in Go code",
		Long:    vetLong,
		Example: vetExamples,
		RunE: func(cmd *cobra.Command, args []string) error {
			f.packages = args
			return runVet(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), f)
		},
	}
	set := cmd.Flags()
	set.SortFlags = false
	set.StringSliceVar(&f.enable, "enable", nil, "`rules` to run beside the default ones; all for every one")
	set.StringSliceVar(&f.disable, "disable", nil, "`rules` not to run; all for those that --enable does not name")
	set.StringVar(&f.failOn, "fail-on", "warning", "the least `severity` that ends with exit code 1: error, warning or note")
	set.StringVar(&f.tags, "tags", "", "build `tags`, separated by commas")
	set.BoolVar(&f.tests, "tests", true, "tell of _test.go files as well")
	set.BoolVar(&f.fix, "fix", false, "apply the first fix of each finding, and tell what is left")
	set.BoolVar(&f.diff, "diff", false, "print what --fix would do, and change nothing")
	set.StringVar(&f.baseline, "baseline", "", "leave out the findings that this `file` knows")
	set.BoolVar(&f.writeBaseline, "write-baseline", false, "write what is found to the file of --baseline")
	set.BoolVar(&f.json, "json", false, "print JSON, with what is answered and why")
	set.StringVar(&f.sarif, "sarif", "", "write SARIF 2.1.0 to this `file`; - for standard output")
	set.BoolVar(&f.open, "open", false, "leave what is answered out of JSON and SARIF: for GitHub, which takes it for open")
	set.BoolVar(&f.quiet, "quiet", false, "print a line for each finding, and nothing else")
	set.BoolVar(&f.list, "list", false, "list the rules and end")

	for flag, values := range map[string][]string{
		"enable":  append(ruleIDs(), "all"),
		"disable": append(ruleIDs(), "all"),
		"fail-on": {"error", "warning", "note"},
	} {
		err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
		if err != nil {
			panic(err) // the flag is not there
		}
	}
	return cmd
}

func ruleIDs() []string {
	var ids []string
	for _, r := range allRules() {
		ids = append(ids, r.ID)
	}
	return ids
}

func allRules() []*lint.Rule { return append(lint.Rules(), lint.UnusedOK) }

// errFound ends a run that found something.
var errFound = errors.New("found something")

// A partialError ends a run that did not check all.
type partialError struct{ why error } // nil: it was told

func (e partialError) Error() string { return "not all was checked" }
func (e partialError) Unwrap() error { return e.why }

// A vetRun is one command line on its way.
type vetRun struct {
	*vetFlags
	out, errw io.Writer
	options   driver.Options
	failOn    lint.Severity
	known     *driver.Baseline // nil: none
	stale     int              // entries of known that nothing answers to
	baseline  *output          // to be written; nil: not
	sarifFile *output          // nil: none, or standard output
}

// runVet checks packages and tells of it.
func runVet(ctx context.Context, out, errw io.Writer, f *vetFlags) error {
	if f.list {
		return listRules(out)
	}
	v := &vetRun{vetFlags: f, out: out, errw: errw}
	if err := v.settle(); err != nil {
		return usageError{err}
	}
	r, err := v.check(ctx, func() (*driver.Report, error) { return driver.Run(ctx, v.options) })
	if err != nil {
		return err
	}
	if v.writeBaseline {
		return v.keep(r)
	}
	if v.fix || v.diff {
		fixes, err := r.Fix()
		if err != nil {
			return partialError{err}
		}
		if v.diff {
			return v.showDiff(r, fixes)
		}
		r, err = v.check(ctx, func() (*driver.Report, error) { return fixes.Mend(ctx, v.options, r) })
		if err != nil {
			return err
		}
		v.say(mended(fixes))
	}
	if v.known != nil && v.stale > 0 && len(r.Troubles) == 0 && len(v.packages) == 0 {
		v.say(fmt.Sprintf("gone since %s was written: %s; --write-baseline leaves out what is gone", v.vetFlags.baseline, count(v.stale, "finding")))
	}
	return errors.Join(v.show(r), ended(r.ExitCode(v.failOn)))
}

// settle looks at all flags before anything is done.
func (v *vetRun) settle() error {
	var errs []error
	fault := func(is bool, format string, args ...any) {
		if is {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	if v.failOn.UnmarshalText([]byte(v.vetFlags.failOn)) != nil {
		fault(true, "--fail-on is %q: give error, warning or note", v.vetFlags.failOn)
	}
	fault(v.fix && v.diff, "--fix and --diff: --diff changes nothing, so leave one out")
	fault(v.json && v.sarif == "-", "--json and --sarif - both print to standard output: name a file for one")
	fault(v.diff && (v.json || v.sarif != ""), "--diff prints a diff and neither JSON nor SARIF: leave them out")
	fault(v.writeBaseline && v.vetFlags.baseline == "", "--write-baseline needs --baseline with the name of the file")
	fault(v.writeBaseline && (v.fix || v.diff), "--write-baseline with --fix or --diff: do one after the other")

	var err error
	if v.writeBaseline && v.vetFlags.baseline != "" {
		v.baseline, err = newOutput("--baseline", v.vetFlags.baseline)
		errs = append(errs, err)
	} else if v.vetFlags.baseline != "" {
		v.known, err = readBaseline(v.vetFlags.baseline)
		errs = append(errs, err)
	}
	if v.sarif != "" && v.sarif != "-" {
		v.sarifFile, err = newOutput("--sarif", v.sarif)
		errs = append(errs, err)
	}
	v.options = driver.Options{Tool: vetTool(), Patterns: v.packages, Tags: v.tags, NoTests: !v.tests, Enable: v.enable, Disable: v.disable}
	return errors.Join(errs...)
}

func readBaseline(name string) (*driver.Baseline, error) {
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("--baseline is %q, and there is no such file: correct the path, or add --write-baseline to make it", name)
	}
	if err != nil {
		return nil, fmt.Errorf("--baseline cannot be read: %w", err)
	}
	b, err := driver.ReadBaseline(data)
	if err != nil {
		return nil, fmt.Errorf("--baseline is %q: %w", name, err)
	}
	return b, nil
}

// check runs a check, shows how far it is where somebody watches, and leaves
// out what the baseline knows.
func (v *vetRun) check(ctx context.Context, run func() (*driver.Report, error)) (*driver.Report, error) {
	end := func() {}
	if isTerminal(v.errw) && !v.quiet {
		v.options.Progress, end = watchVet(v.errw)
	}
	r, err := run()
	end()
	switch {
	case ctx.Err() != nil:
		return nil, errInterrupted
	case errors.Is(err, driver.ErrUsage):
		return nil, usageError{err}
	case err != nil:
		return nil, partialError{err}
	}
	if v.known != nil {
		v.stale = len(r.Apply(v.known))
	}
	return r, nil
}

// watchVet shows a run on a line of a terminal, and clears the line at its end.
func watchVet(errw io.Writer) (show func(driver.Progress), end func()) {
	width := cmp.Or(terminalWidth(errw), 80)
	show = func(p driver.Progress) {
		line := fmt.Sprintf("%d packages checked, %d looked at anew  %s", p.Done, p.Looked, p.Package)
		_, _ = fmt.Fprintf(errw, "\r%s\x1b[K", line[:min(len(line), width-1)]) // see tell
	}
	return show, func() { _, _ = io.WriteString(errw, "\r\x1b[K") }
}

// say prints a line for whoever watches, unless nobody wants to be told.
func (v *vetRun) say(text string) {
	if !v.quiet && text != "" {
		tell(v.errw, "onefold: "+text)
	}
}

// keep writes the baseline, of a whole run only.
func (v *vetRun) keep(r *driver.Report) error {
	if len(r.Troubles) > 0 {
		err := fmt.Errorf("--baseline %s is left as it was, as not all was checked", v.vetFlags.baseline)
		return errors.Join(v.show(r), partialError{err})
	}
	b := r.Baseline()
	err := v.baseline.write(func(w io.Writer) error { _, err := w.Write(b.Bytes()); return err })
	if err != nil {
		return usageError{err}
	}
	v.say(fmt.Sprintf("wrote %s: %s", v.vetFlags.baseline, count(len(b.Findings), "finding")))
	return nil
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// showDiff prints what --fix would do. There being something to do is a finding.
func (v *vetRun) showDiff(r *driver.Report, fixes *driver.Fixes) error {
	r.Troubles = append(r.Troubles, fixes.Faults...)
	if _, err := v.out.Write(fixes.Diff(r)); err != nil {
		return err
	}
	for _, t := range r.Troubles {
		v.say(strings.TrimPrefix(t.Package+": "+t.Message, ": "))
	}
	v.say(left(fixes))
	switch {
	case len(r.Troubles) > 0:
		return partialError{}
	case len(fixes.Files) > 0:
		return errFound
	}
	return nil
}

func mended(f *driver.Fixes) string {
	if f.Applied == 0 {
		return "there was nothing to fix"
	}
	text := fmt.Sprintf("fixed %s in %s", count(f.Applied, "finding"), count(len(f.Files), "file"))
	if more := left(f); more != "" {
		text += "; " + more
	}
	return text
}

func left(f *driver.Fixes) string {
	if f.Left == 0 {
		return ""
	}
	return fmt.Sprintf("%s left, as their fixes meet others: run --fix again", count(f.Left, "finding"))
}

// show prints what was found.
func (v *vetRun) show(r *driver.Report) error {
	var errs []error
	if v.open {
		r.KeepOpen()
	}
	number := version(debug.ReadBuildInfo())
	if v.sarifFile != nil {
		errs = append(errs, v.sarifFile.write(func(w io.Writer) error { return r.SARIF(w, number) }))
	}
	switch {
	case v.json:
		errs = append(errs, r.JSON(v.out))
	case v.sarif == "-":
		errs = append(errs, r.SARIF(v.out, number))
	default:
		errs = append(errs, r.Text(v.out, driver.TextOptions{Color: isColorful(v.out), Quiet: v.quiet}))
	}
	if err := errors.Join(errs...); err != nil {
		return partialError{err}
	}
	return nil
}

// ended is the error that stands for an exit code of the driver.
func ended(code int) error {
	switch code {
	case driver.ExitClean:
		return nil
	case driver.ExitFound:
		return errFound
	default:
		return partialError{}
	}
}

func listRules(out io.Writer) error {
	for _, r := range allRules() {
		on := ""
		if !r.Default {
			on = ", off by default"
		}
		if _, err := fmt.Fprintf(out, "%-15s %s (%v%s)\n", r.ID, r.Title, r.Severity, on); err != nil {
			return err
		}
	}
	return nil
}
