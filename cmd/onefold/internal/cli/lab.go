package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime/debug"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/arrival"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/figures"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/report"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/source"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/strategy"
)

const (
	labLong = `Lab replays one stream of calls against a real source, once for each way of
putting a cache in front of it, and compares: how many loads the source saw, how
long callers waited, and which answers were wrong.

The replay is open loop: calls come at their moments, however slow the answers
are, and latency counts from those moments. Every strategy meets the same calls,
the same callers who give up, and the same writes. An answer is wrong when it is
older than an invalidation that was acknowledged before the call began, when it
is a zero value without an error, when it belongs to another key, and when the
error is another caller's cancellation or deadline.

Without flags it generates the calls and makes its own SQLite database in a
temporary directory; a load is a query with milliseconds of work.

` + exitCodes

	labExamples = `  onefold lab                                          the whole comparison, in less than a minute
  onefold lab --explain --report lab.html              with charts, and what each strategy prevents
  onefold lab --invalidate 50 --cancel 0.2 --seed 1    many writes, and callers that give up
  onefold lab --fail 0.5 --only check,mutex,onefold    a source that fails half of the time
  onefold lab --slow 0.01:500ms --repeat 5             rare slow loads; medians of five runs
  onefold lab --trace access.log.gz --speed 60         your own traffic, sixty times faster
  onefold lab --trace calls.csv --time ts --key id     columns of a CSV file
  onefold lab --processes 4 --far embedded             four processes that share a far tier
  onefold lab --processes 4 --far redis://localhost:6379 --only check,onefold
  onefold lab --source postgres://localhost/test --limit 10
  onefold lab --source http://localhost:8080/items/{key} --json figures.json`
)

func newLab(args []string) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "lab [flags]",
		Short:   "Compare ways of caching a slow source, on a real source",
		Long:    labLong,
		Example: labExamples,
		Args:    noArguments,
	}
	f := newLabFlags(cmd)
	f.args = args
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return runLab(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), f)
	}
	cmd.SetUsageFunc(func(cmd *cobra.Command) error {
		_, err := fmt.Fprintf(cmd.OutOrStderr(), "Usage:\n  %s\n\nExamples:\n%s\n%s",
			cmd.UseLine(), cmd.Example, f.usages(cmp.Or(terminalWidth(cmd.OutOrStderr()), 100)))
		return err
	})
	for flag, values := range map[string][]string{
		"only":     names(),
		"skip":     names(),
		"format":   arrival.Formats(),
		"progress": progressModes,
		"far":      {strategy.Embedded, "redis://", "rediss://", "memcached://"},
		"source":   {"sqlite", "postgres://", "http://", "https://"},
	} {
		err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
		if err != nil {
			panic(err) // the flag is not there
		}
	}
	return cmd
}

// runLab runs the comparison and prints it.
func runLab(ctx context.Context, out, errw io.Writer, f *labFlags) error {
	f.settle()
	if err := f.faults(ctx); err != nil {
		return usageError{err}
	}
	files, err := newOutputs(f)
	if err != nil {
		return err
	}
	r, runErr := measure(ctx, f, errw)
	if r == nil {
		if ctx.Err() != nil {
			tell(errw, "onefold: interrupted before anything was measured")
			return errInterrupted
		}
		return runErr
	}
	r.Version = version(debug.ReadBuildInfo())
	r.Command = append([]string{"onefold"}, withoutSecrets(f.args)...)
	r.Next = next(f, r)
	err = errors.Join(runErr, show(out, f, r), files.write(errw, f, r))
	if err == nil && r.Partial {
		return errInterrupted
	}
	return err
}

// measure makes the stream, opens the source and runs the lab. The report is
// nil when nothing was measured, and partial when not all was.
func measure(ctx context.Context, f *labFlags, errw io.Writer) (_ *figures.Report, err error) {
	shown := newProgress(f.progress, errw)
	defer shown.end()

	kinds, err := f.kinds()
	if err != nil {
		return nil, err
	}
	if f.trace != "" {
		shown.step(lab.Step{Title: "read --trace " + f.trace})
	}
	stream, err := f.stream(ctx)
	if err != nil {
		return nil, err
	}
	where := "--source " + blankURL(f.source)
	shown.step(lab.Step{Title: "open " + where})
	src, err := source.Open(ctx, f.source, source.Options{Keys: stream.Keys, Rows: f.rows.v, Seed: f.seed.v})
	if err != nil {
		return nil, fmt.Errorf("%s cannot be used: %w", where, err)
	}
	defer func() { err = errors.Join(err, src.Close()) }()

	if err := f.checkWritable(ctx, src, stream); err != nil {
		return nil, err
	}
	l, err := lab.Prepare(ctx, lab.Options{
		Stream:     stream,
		Source:     src,
		Kinds:      kinds,
		Processes:  f.processes.v,
		Far:        f.far,
		TTL:        f.ttl.v,
		Jitter:     f.jitter.v,
		Timeout:    f.timeout.v,
		Limit:      f.limit.v,
		Cancel:     f.cancel.v,
		Invalidate: f.invalidate.v,
		Fail:       f.fail.v,
		Slow:       f.slow.v.share,
		SlowBy:     f.slow.v.by,
		Seed:       f.seed.v,
		Repeat:     f.repeat.v,
		Progress:   shown.step,
	})
	if err != nil {
		return nil, fmt.Errorf("%s cannot be used: %w", where, err)
	}
	if warning := f.longRun(stream, len(kinds)); warning != "" {
		shown.say(warning)
	}
	return l.Run(ctx)
}

// stream is the calls that are to be replayed.
func (f *labFlags) stream(ctx context.Context) (*arrival.Stream, error) {
	if f.trace == "" {
		return arrival.Generate(f.arrivalOptions())
	}
	s, err := arrival.ReadTrace(ctx, f.trace, f.traceOptions())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("--trace is %q, and there is no such file: correct the path, or give - for standard input", f.trace)
	case err != nil:
		return nil, err
	}
	s.Warm = hottest(s, f.warm.v)
	return s, nil
}

// hottest is the n keys with the most calls, the hottest first, or all.
func hottest(s *arrival.Stream, n int) []int32 {
	calls := make([]int, len(s.Keys))
	for _, c := range s.Calls {
		calls[c.Key]++
	}
	keys := make([]int32, len(s.Keys))
	for i := range keys {
		keys[i] = int32(i)
	}
	slices.SortStableFunc(keys, func(a, b int32) int { return cmp.Compare(calls[b], calls[a]) })
	return keys[:min(n, len(keys))]
}

// checkWritable looks whether the source takes writes, where there are to be
// any. Writes that nobody asked for are left out of a source that takes none.
func (f *labFlags) checkWritable(ctx context.Context, src source.Source, stream *arrival.Stream) error {
	if f.invalidate.v == 0 {
		return nil
	}
	_, err := src.Update(ctx, stream.Keys[stream.Calls[0].Key])
	switch {
	case !errors.Is(err, source.ErrReadOnly):
		return nil // any other fault is told by those writes that meet it
	case f.given("invalidate"):
		return usageError{fmt.Errorf("--invalidate is %q, but %v cannot be written: leave it out, or give 0", f.invalidate.text(), src)}
	}
	f.invalidate.v = 0
	stream.Notes = append(stream.Notes, "the source cannot be written, so nothing is invalidated")
	return nil
}

// longRun is a word of warning about a replay that takes long, or empty.
func (f *labFlags) longRun(stream *arrival.Stream, kinds int) string {
	const long, wanted = 10 * time.Minute, time.Minute
	total := stream.Duration * time.Duration(kinds*f.repeat.v)
	if total < long {
		return ""
	}
	text := fmt.Sprintf("this takes %v: %v for each of %d strategies", total.Round(time.Second), stream.Duration.Round(time.Second), kinds)
	if f.repeat.v > 1 {
		text += fmt.Sprintf(", %d times", f.repeat.v)
	}
	if f.trace == "" {
		return text
	}
	speed := f.speed.v * float64(total) / float64(wanted)
	return text + fmt.Sprintf("; --speed %.0f would make it %v in all", speed, wanted)
}

// show prints what was measured.
func show(out io.Writer, f *labFlags, r *figures.Report) error {
	if f.json == "-" {
		return report.JSON(out, r)
	}
	style := report.TableOptions{
		Width:   terminalWidth(out),
		Color:   isColorful(out),
		Explain: f.explain,
	}
	if !f.quiet {
		if err := report.Setup(out, r, style); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out); err != nil {
			return err
		}
	}
	return report.Table(out, r, style)
}

// outputs are the files that the user wants.
type outputs struct{ json, html *output }

// newOutputs looks whether they can be written, before the run.
func newOutputs(f *labFlags) (o outputs, err error) {
	var errs [2]error
	if f.json != "" && f.json != "-" {
		o.json, errs[0] = newOutput("--json", f.json)
	}
	if f.report != "" {
		o.html, errs[1] = newOutput("--report", f.report)
	}
	return o, errors.Join(errs[:]...)
}

// write writes them. What a whole run left is not replaced by half of one.
func (o outputs) write(errw io.Writer, f *labFlags, r *figures.Report) error {
	var errs []error
	for _, file := range []struct {
		*output
		fill func(io.Writer, *figures.Report) error
	}{{o.json, report.JSON}, {o.html, report.HTML}} {
		if file.output == nil {
			continue
		}
		if r.Partial && file.isPlain() && file.exists() {
			tell(errw, file.flag+" "+file.path+" is left as it was, as the run is not complete")
			continue
		}
		err := file.write(func(w io.Writer) error { return file.fill(w, r) })
		if err == nil && !f.quiet {
			tell(errw, "wrote "+file.path)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
