package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/onefold-go/onefold/advise"
	"github.com/onefold-go/onefold/advise/page"
	"github.com/onefold-go/onefold/advise/sim"
	"github.com/onefold-go/onefold/advise/trace"
	"github.com/onefold-go/onefold/cmd/onefold/internal/advising"
	"github.com/onefold-go/onefold/cmd/onefold/internal/advising/live"
)

// The exit codes of advise --check, beside the others.
const (
	exitBehind  = 3 // the configuration of today is behind the advice
	exitRefused = 4 // there is no advice
)

const (
	adviseLong = `Advise reads an access log or a trace of a service and says whether its callers
should share loads, or whether a simpler fix does as well: nothing, once,
LoadOrStore, a plain cache, jittered TTLs, coalescing, both, early refresh or a
stale window, another key. It replays the trace in each of these ways.

How long a load takes comes from the trace, where it has durations, or from
--loader. What no trace can tell, such as whether the answer is the same for all
callers of a key, is asked on a terminal, or taken from --answer and the
settings file; while one of these answers is missing or no, nothing is advised,
and the figures are shown all the same.

Keys are hashed, and clients' addresses are never printed.

Exit codes:
  0    done; with --check: today's configuration is as good as the advice
  1    failure: a file could not be read, or nothing says how long loads take
  2    usage: a flag or a value that cannot be
  3    with --check: the advice is better than today's configuration
  4    with --check: no advice, as an answer is missing or no, or the trace is too little
  130  interrupted`

	adviseExamples = `  onefold advise access.log.gz --ttl 5m --loader p50=20ms,p99=200ms --slo 'p99<50ms'
  onefold advise *.log.zst --ttl 1m --settings service.toml --html advice.html
  zcat access.log.gz | onefold advise - --ttl 30s --loader 20ms --json advice.json
  onefold advise calls.csv --time ts --key id --duration took --ttl forever
  onefold advise trace.log --ttl 5m --current ttl=5m,jitter=0.1 --check --settings service.yaml
  onefold advise selfcheck`
)

// memoryLimit is what advise asks the collector to stay within.
const memoryLimit = 448 << 20

// adviseFlags are those of onefold advise.
type adviseFlags struct {
	settings string
	said     advising.Settings // what flags say, over the file
	answers  []string
	limits   []string
	noAsk    bool
	safe     bool

	trace  trace.Config
	format string
	stamp  string
	delim  string

	exact    bool
	json     string
	html     string
	code     bool
	check    bool
	progress string
	showKeys int

	live  time.Duration
	speed float64

	args []string // all that was typed behind "onefold"
}

func newAdvise(args []string) *cobra.Command {
	f := &adviseFlags{args: args}
	cmd := &cobra.Command{
		Use:     "advise FILE... [flags]",
		Short:   "Say whether a service's loads should be shared, from its access log",
		Long:    adviseLong,
		Example: adviseExamples,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{fmt.Errorf("no file: name access logs or traces, or - for standard input; see %s --help", cmd.CommandPath())}
			}
			return nil
		},
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return runAdvise(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr(), args, f)
	}
	set, p := cmd.Flags(), &f.said.Policy
	set.StringVar(&p.TTL, "ttl", "", "greatest age of a value: 5m, forever, or none where nothing may be kept (default none)")
	set.StringVar(&p.MaxStale, "max-stale", "", "how much older a value may be while a new one loads")
	set.StringVar(&p.SLO, "slo", "", "what callers are promised, such as p99<50ms")
	set.StringVar(&p.Loader, "loader", "", "how long a load takes: 20ms, p50=20ms,p99=200ms, or a file of latencies such as 12.5ms, one to a line (default: as measured)")
	set.IntVar(&p.MaxConcurrent, "source-concurrent", 0, "loads at once that the source bears")
	set.Float64Var(&p.MaxRPS, "source-rps", 0, "loads a second that the source bears")
	set.IntVar(&p.Processes, "processes", 0, "processes that serve the requests, each with its own cache (default 1)")
	set.StringVar(&p.Routing, "routing", "", "how a request finds one: random or key (default random)")
	set.Int64Var(&p.Entries, "entries", 0, "values that a process has room for")
	set.StringVar(&p.Memory, "memory", "", "the same in bytes, such as 512MiB")
	set.StringVar(&p.Start, "start", "", "what caches hold before the first record: cold or warm (default cold)")
	set.StringVar(&p.Current, "current", "", "how requests are served today: ttl=5m,coalesce,jitter=0.1,early=1,stale=10s,wait=50ms; jitter is a share of the TTL either way, half of the library's")
	set.Uint64Var(&p.Seed, "seed", 0, "where random numbers and the keys' hashes come from; 0: hashes of a secret that is forgotten")
	set.StringVar(&f.settings, "settings", "", "file (.toml, .yaml, .json) with [policy], [safety] and [thresholds]")
	set.StringArrayVar(&f.answers, "answer", nil, "answer to a question, such as same_for_all='yes: no user in it'; may be repeated")
	set.StringArrayVar(&f.limits, "threshold", nil, "where verdicts divide, such as saved_share=0.1; may be repeated")
	set.BoolVar(&f.noAsk, "no-ask", false, "ask nothing, even on a terminal")
	set.StringVar(&f.format, "format", "", "format of the files (default: found out)")
	set.StringVar(&f.trace.Template, "log-format", "", "a web server's own log format, such as nginx's log_format")
	set.StringVar(&f.trace.Pattern, "pattern", "", "regular expression with groups named time, key, duration, ...")
	c := &f.trace.Columns
	set.StringVar(&c.Time, "time", "", "column of the time")
	set.StringSliceVar(&c.Key, "key", nil, "columns of the key")
	set.StringVar(&c.Tenant, "tenant", "", "column of the tenant, a part of the key")
	set.StringVar(&c.Client, "client", "", "column of the caller")
	set.StringVar(&c.Op, "op", "", "column of the operation or method")
	set.StringVar(&c.Status, "status", "", "column of the status")
	set.StringVar(&c.Size, "size", "", "column of the answer's size")
	set.StringVar(&c.Duration, "duration", "", "column of a load's duration")
	set.StringVar(&c.Took, "took", "", "column of a request's duration")
	set.StringVar(&c.TTL, "ttl-column", "", "column of the TTL")
	set.StringVar(&c.Cache, "cache", "", "column of what a cache in front said")
	set.StringSliceVar(&c.Identity, "identity", nil, "columns that tell one access from another: what agrees in them was recorded twice")
	set.StringVar(&f.delim, "delimiter", "", "what is between the columns of a CSV file: one character, or tab")
	set.StringVar(&f.trace.TimeLayout, "time-layout", "", "how times are written, as in Go: 2006-01-02 15:04:05")
	set.DurationVar(&f.trace.TimeUnit, "time-unit", 0, "what a time that is a number counts, such as 1ms")
	set.DurationVar(&f.trace.DurationUnit, "duration-unit", 0, "what a duration counts")
	set.DurationVar(&f.trace.TTLUnit, "ttl-unit", 0, "what a TTL counts")
	set.StringVar(&f.stamp, "stamp", "", "which end of a request its time is: begin or end (default: what is usual for the format)")
	set.BoolVar(&f.trace.NoHeader, "no-header", false, "the first line of a CSV file is a record")
	set.StringSliceVar(&f.trace.Ops, "ops", nil, "operations or methods to keep, such as GET")
	set.BoolVar(&f.trace.KeepDuplicates, "keep-duplicates", false, "keep records that a capture saw twice")
	set.BoolVar(&f.trace.DropAlike, "drop-alike", false, "leave out records like another in all but the time, within 100 us of it")
	set.IntVar(&f.trace.Reorder, "reorder", 0, "how many records a line may come late (default 65536)")
	set.IntVar(&f.trace.MaxLine, "max-line", 0, "how many bytes a line may have (default 1 MiB)")
	set.IntVar(&f.trace.MaxFiles, "max-files", 0, "how many files may be merged (default 256)")
	set.IntVar(&f.trace.BadLines, "bad-lines", 0, "how many bad lines to tell of (default 5)")
	set.BoolVar(&f.trace.ShowLines, "show-lines", false, "print bad lines as they are")
	set.IntVar(&f.showKeys, "show-keys", 0, "print the names of up to so many keys, of those asked for most")
	set.BoolVar(&f.exact, "exact", false, "follow every key, whatever memory it takes")
	set.StringVar(&f.json, "json", "", "write the report as JSON; - is standard output")
	set.StringVar(&f.html, "html", "", "write the report as a page")
	set.BoolVar(&f.code, "code", false, "print the settings as Go, and nothing else")
	set.BoolVar(&f.check, "check", false, "for CI: end with 0, 3 or 4, see above")
	set.DurationVar(&f.live, "live", 0, "also replay the busiest stretch that takes so long against the library itself, and print what was predicted beside it")
	set.Float64Var(&f.speed, "live-speed", 1, "how many times faster than the trace --live goes")
	set.StringVar(&f.progress, "progress", "auto", "auto, plain or none")
	cmd.AddCommand(newSelfCheck())
	return cmd
}

// runAdvise reads, asks, and prints.
func runAdvise(ctx context.Context, in io.Reader, out, errw io.Writer, paths []string, f *adviseFlags) error {
	settings, err := f.config()
	if err != nil {
		return usageError{err}
	}
	cfg, err := settings.Config()
	if err != nil {
		return usageError{advising.Worded(err)}
	}
	cfg.Exact = f.exact
	if !f.exact && os.Getenv("GOMEMLIMIT") == "" {
		// What a sampled trace needs is bounded; what the collector lets pile up
		// is not, where allocations come as fast as lines.
		defer debug.SetMemoryLimit(debug.SetMemoryLimit(memoryLimit))
	}
	if f.check && cfg.Current == nil {
		return usageError{errors.New("--check holds today's configuration against the advice: say what it is with --current")}
	}
	f.trace.Seed, f.trace.Names = settings.Policy.Seed, f.showKeys
	f.trace.Digest = f.json != "" || f.html != "" // what has it
	if f.code && f.json == "-" {
		return usageError{errors.New("--code and --json - both write to standard output: name a file for the JSON")}
	}
	if f.live > 0 && slices.Contains(paths, "-") {
		return usageError{errors.New("--live reads the trace a second time, which standard input cannot be: name a file")}
	}
	study, err := advise.New(cfg)
	if err != nil {
		return usageError{advising.Worded(err)}
	}
	source, err := trace.Open(paths, f.trace)
	if err != nil {
		return advising.Worded(err)
	}
	defer func() { _ = source.Close() }()
	for _, g := range source.Guesses() {
		tell(errw, advising.Words(g.String()))
	}
	told, done := f.teller(errw)
	err = advising.Read(ctx, source, study, told)
	done()
	if ctx.Err() != nil {
		return errInterrupted
	}
	if err != nil {
		return advising.Worded(err)
	}
	input := advising.Input(source.Summary())
	settings.Read(&input)
	if f.asks(in, out, paths) {
		err := advising.Ask(ctx, in, errw, &settings.Safety, func(id string) []string { return study.Evidence(id, input) })
		if ctx.Err() != nil {
			return errInterrupted
		}
		if err != nil {
			return err
		}
		if err := study.Answer(settings.Safety); err != nil {
			return err
		}
	}
	if told != nil {
		told("replaying the trace in each way there is")
	}
	report, err := study.Report(input)
	done()
	if err != nil {
		if errors.Is(err, advise.ErrNoLoader) {
			return errors.New("nothing says how long a load takes: no record has a duration. Say it with --loader, as in --loader p50=20ms,p99=200ms")
		}
		return err
	}
	if err := f.write(out, report); err != nil || f.live == 0 {
		return err
	}
	return f.replay(ctx, out, errw, paths, cfg, report)
}

// replay runs the library on a stretch of the trace.
func (f *adviseFlags) replay(ctx context.Context, out, errw io.Writer, paths []string, cfg advise.Config, r *advise.Report) error {
	source, err := trace.Open(paths, f.trace)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	all, err := live.Requests(source, 5_000_000)
	if err != nil {
		return fmt.Errorf("--live: %w", err)
	}
	plan := live.Plan{Arm: advising.LiveArm(r), Speed: f.speed, PerRecord: cfg.Loader == nil, Setting: sim.Setting{
		Seed: cfg.Seed, Processes: cfg.Processes, Routing: cfg.Routing, SLO: cfg.SLO.Limit,
	}}
	switch {
	case cfg.Loader != nil:
		plan.Setting.Loader = *cfg.Loader
	default:
		if plan.Setting.Loader, err = live.Measured(all); err != nil {
			return fmt.Errorf("--live: %w", err)
		}
	}
	stretch := live.Busiest(all, time.Duration(float64(f.live)*f.speed))
	if f.progress != "none" {
		tell(errw, fmt.Sprintf("replaying %d records for %v", len(stretch), f.live))
	}
	want := live.Predict(stretch, plan)
	got, err := live.Replay(ctx, stretch, plan)
	if ctx.Err() != nil {
		return errInterrupted
	}
	if err != nil {
		return err
	}
	return advising.Live(out, plan, want, got)
}

// config joins the settings file and the flags over it.
func (f *adviseFlags) config() (advising.Settings, error) {
	var s advising.Settings
	if f.settings != "" {
		var err error
		if s, err = advising.ReadSettings(f.settings); err != nil {
			return s, err
		}
	}
	p, q := &s.Policy, f.said.Policy
	*p = advising.Policy{
		TTL: cmp.Or(q.TTL, p.TTL), MaxStale: cmp.Or(q.MaxStale, p.MaxStale), SLO: cmp.Or(q.SLO, p.SLO), Loader: cmp.Or(q.Loader, p.Loader),
		MaxConcurrent: cmp.Or(q.MaxConcurrent, p.MaxConcurrent), MaxRPS: cmp.Or(q.MaxRPS, p.MaxRPS),
		Processes: cmp.Or(q.Processes, p.Processes), Routing: cmp.Or(q.Routing, p.Routing),
		Entries: cmp.Or(q.Entries, p.Entries), Memory: cmp.Or(q.Memory, p.Memory), Start: cmp.Or(q.Start, p.Start),
		Current: cmp.Or(q.Current, p.Current), Seed: cmp.Or(q.Seed, p.Seed),
	}
	var faults []error
	for _, a := range f.answers {
		faults = append(faults, s.Answer(a))
	}
	for _, l := range f.limits {
		faults = append(faults, s.Threshold(l))
	}
	switch f.delim {
	case "":
	case "tab", `\t`:
		f.trace.Delimiter = '\t'
	default:
		f.trace.Delimiter = f.delim[0]
		if len(f.delim) > 1 {
			faults = append(faults, fmt.Errorf("--delimiter is %q, want one character of ASCII, or tab", f.delim))
		}
	}
	if f.format != "" {
		var err error
		if f.trace.Format, err = trace.ParseFormat(f.format); err != nil {
			faults = append(faults, fmt.Errorf("--format: %w", err))
		}
	}
	switch f.stamp {
	case "":
	case "begin":
		f.trace.Stamp = trace.Begin
	case "end":
		f.trace.Stamp = trace.End
	default:
		faults = append(faults, fmt.Errorf("--stamp is %q, want begin or end", f.stamp))
	}
	switch f.progress {
	case "auto", "plain", "none":
	default:
		faults = append(faults, fmt.Errorf("--progress is %q, want auto, plain or none", f.progress))
	}
	if f.live < 0 || f.speed <= 0 {
		faults = append(faults, fmt.Errorf("--live is %v at --live-speed %v, want a duration of 0 (none) or more, and a speed above 0", f.live, f.speed))
	}
	if f.showKeys < 0 {
		faults = append(faults, fmt.Errorf("--show-keys is %d, want 0 or more", f.showKeys))
	}
	return s, errors.Join(faults...)
}

// asks says whether there is somebody to ask.
func (f *adviseFlags) asks(in io.Reader, out io.Writer, paths []string) bool {
	if f.noAsk || f.check || f.json == "-" || f.code {
		return false
	}
	if slices.Contains(paths, "-") {
		return false
	}
	file, ok := in.(*os.File)
	return ok && isTerminal(file) && isTerminal(out)
}

// teller gives a function that shows how far a run is, and one that leaves the
// line free.
func (f *adviseFlags) teller(errw io.Writer) (told func(string), done func()) {
	switch {
	case f.progress == "none", f.progress == "auto" && !isTerminal(errw):
		return nil, func() {}
	case f.progress == "plain":
		return func(text string) { tell(errw, text) }, func() {}
	}
	return func(text string) { _, _ = fmt.Fprintf(errw, "\r\x1b[K%s", text) }, func() { _, _ = io.WriteString(errw, "\r\x1b[K") }
}

// write puts the report where it was asked for, and gives --check's answer.
func (f *adviseFlags) write(out io.Writer, r *advise.Report) error {
	if f.json != "" && f.json != "-" {
		if err := toFile(f.json, r.WriteJSON); err != nil {
			return err
		}
	}
	if f.html != "" {
		if err := toFile(f.html, func(w io.Writer) error { return page.Write(w, r, page.Config{Command: f.command()}) }); err != nil {
			return err
		}
	}
	switch {
	case f.json == "-":
		if err := r.WriteJSON(out); err != nil {
			return err
		}
	case f.code:
		if r.Code == "" {
			return errors.New("there is nothing to set: " + r.Verdict.Sentence)
		}
		if _, err := io.WriteString(out, r.Code); err != nil {
			return err
		}
	default:
		colour := isTerminal(out) && os.Getenv("NO_COLOR") == ""
		if err := advising.Screen(out, r, terminalWidth(out), colour); err != nil {
			return err
		}
	}
	switch {
	case !f.check:
		return nil
	case r.Verdict.Class.Refused():
		return exitError{exitRefused, "no advice: " + r.Verdict.Sentence}
	case r.Current != nil && !r.Current.AsGood:
		return exitError{exitBehind, "today's configuration is behind the advice: " + strings.Join(r.Current.Reasons, "; ")}
	}
	return nil
}

// command is what was typed, for a page that others read: without passwords, and
// with files by their names alone, not by where they are on this machine.
func (f *adviseFlags) command() string {
	args := withoutSecrets(f.args)
	for i, arg := range args {
		flag, path := "", arg
		if name, value, ok := strings.Cut(arg, "="); ok && strings.HasPrefix(arg, "--") {
			flag, path = name+"=", value
		}
		if filepath.IsAbs(path) {
			args[i] = flag + filepath.Base(path)
		}
	}
	return "onefold " + quoted(args)
}

// toFile writes a file whole or not at all.
func toFile(path string, write func(io.Writer) error) error {
	temp := path + ".part"
	file, err := os.Create(temp)
	if err != nil {
		return err
	}
	err = errors.Join(write(file), file.Close())
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		_ = os.Remove(temp)
	}
	return err
}

// An exitError ends the command with a code of its own.
type exitError struct {
	code int
	text string
}

func (e exitError) Error() string { return e.text }

func newSelfCheck() *cobra.Command {
	var seed uint64
	cmd := &cobra.Command{
		Use:   "selfcheck",
		Short: "Hold the simulator against formulas",
		Long: `Selfcheck simulates requests that come at random (a Poisson process) for one
key, for which there are formulas, and prints both. The simulator's mean is shown
with its 95 % interval: one check in twenty is outside of it by chance. A check
has failed where the formula is outside the 99.9 % interval; then the exit code is 1.`,
		Args: noArguments,
	}
	cmd.Flags().Uint64Var(&seed, "seed", 1, "where random numbers come from")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		began := time.Now()
		checks := sim.SelfCheck(seed)
		failed := 0
		out := cmd.OutOrStdout()
		_, _ = fmt.Fprintf(out, "%-44s %-22s %14s %14s  %s\n", "", "loader", "formula", "simulated", "95 % interval")
		for _, c := range checks {
			mark := ""
			if !c.OK {
				failed++
				mark = "  FAILED"
			}
			_, _ = fmt.Fprintf(out, "%-44s %-22s %14.6g %14.6g  %.6g to %.6g%s\n", c.What, c.Loader, c.Predicted, c.Simulated, c.Low, c.High, mark)
		}
		if failed > 0 {
			return fmt.Errorf("%d of %d checks failed with seed %d", failed, len(checks), seed)
		}
		_, err := fmt.Fprintf(out, "\nall %d agree (%v)\n", len(checks), time.Since(began).Round(100*time.Millisecond))
		return err
	}
	return cmd
}
