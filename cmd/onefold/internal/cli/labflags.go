package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/arrival"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/strategy"
)

// labFlags are the flags of onefold lab. Their defaults make a run that takes
// less than a minute on two processors and asks of them what they can do: the
// strategies that share loads are at ease, no cache at all is not.
type labFlags struct {
	args   []string       // as they were given
	set    *pflag.FlagSet // all of them
	groups []flagGroup    // in the order of the help

	source string
	rows   value[int]
	limit  value[int]

	rate       value[float64]
	keys       value[int]
	skew       value[float64]
	duration   value[time.Duration]
	burst      value[float64]
	burstAt    value[time.Duration]
	burstFor   value[time.Duration]
	burstKeys  value[int]
	warm       value[int]
	trace      string
	format     string
	timeColumn string
	keyColumn  string
	timeUnit   string
	pattern    string
	method     string
	speed      value[float64]
	maxCalls   value[int]
	keepStamps bool

	processes value[int]
	far       string

	ttl     value[time.Duration]
	jitter  value[float64]
	timeout value[time.Duration]

	cancel     value[float64]
	invalidate value[float64]
	fail       value[float64]
	slow       value[slowness]

	only   []string
	skip   []string
	seed   value[uint64]
	repeat value[int]

	json     string
	report   string
	explain  bool
	quiet    bool
	progress string
}

type flagGroup struct {
	title string
	flags *pflag.FlagSet
}

// Flags that belong to one of the two kinds of stream.
var (
	generatedOnly = []string{"rate", "keys", "skew", "burst", "burst-at", "burst-for", "burst-keys"}
	traceOnly     = []string{"format", "time", "key", "time-unit", "pattern", "method", "speed", "max-calls", "keep-stamps"}
)

// The most that is accepted of a generated stream.
const (
	mostKeys  = 10_000_000
	mostCalls = 20_000_000
)

const mostProcesses = 64

func newLabFlags(cmd *cobra.Command) *labFlags {
	f := &labFlags{
		set:   cmd.Flags(),
		rows:  whole(100_000),
		limit: whole(0),

		rate:      number(2000),
		keys:      whole(100),
		skew:      number(1),
		duration:  span(3500 * time.Millisecond), // with the TTL below, two rounds of expiry for every strategy and no part of a third
		burst:     number(5),
		burstAt:   span(0),
		burstFor:  span(300 * time.Millisecond),
		burstKeys: whole(5),
		warm:      whole(100),
		speed:     number(1),
		maxCalls:  whole(0),

		processes: whole(1),

		ttl:     span(1200 * time.Millisecond),
		jitter:  share(0.1),
		timeout: span(time.Second),

		cancel:     share(0.1),
		invalidate: number(20),
		fail:       share(0),
		slow:       slow(),

		seed:   seed(1),
		repeat: whole(1),
	}

	g := f.group("Source")
	g.StringVar(&f.source, "source", "sqlite", "`where` to load from: sqlite, or postgres://user:password@host:port/database, or http://host/path/{key}")
	g.Var(&f.rows, "rows", "order lines in the shop that is put into the database")
	g.Var(&f.limit, "limit", "loads that the source runs at once, as a connection pool; others wait; 0: no limit of ours")

	g = f.group("Calls, generated")
	g.Var(&f.rate, "rate", "calls a second, on average; they come at random (Poisson)")
	g.Var(&f.keys, "keys", "how many keys there are")
	g.Var(&f.skew, "skew", "Zipf exponent: the higher, the more calls are for the hottest keys")
	g.Var(&f.duration, "duration", "how long calls come; with --trace: replay no more than so much")
	g.Var(&f.burst, "burst", "a flash crowd: so many times the rate, for the hottest keys; 1: none")
	g.Var(&f.burstAt, "burst-at", "when it begins; 0: when the warm keys expire")
	g.Var(&f.burstFor, "burst-for", "how long it lasts")
	g.Var(&f.burstKeys, "burst-keys", "for how many of the hottest keys")
	g.Var(&f.warm, "warm", "how many of the hottest keys are in the cache at the start, all of one age; with --trace: 0 unless given")

	g = f.group("Calls, from a trace")
	g.StringVar(&f.trace, "trace", "", "replay the calls recorded in `FILE`, plain, gzip or zstd; - is standard input")
	g.StringVar(&f.format, "format", "", "its `name`: "+strings.Join(arrival.Formats(), ", ")+" (default: by the content)")
	g.StringVar(&f.timeColumn, "time", "", "`column` with the time: a header's name, a number from 1, or a JSON field")
	g.StringVar(&f.keyColumn, "key", "", "`column` with the key, or a,b to join two")
	g.StringVar(&f.timeUnit, "time-unit", "", "`unit` of numeric times: s, ms, us, ns, 100ns; or the layout of dates")
	g.StringVar(&f.pattern, "pattern", "", "`regexp` with the groups time and key, for lines of text")
	g.StringVar(&f.method, "method", "", "keep only the calls of this `method`, such as GET")
	g.Var(&f.speed, "speed", "replay so many times faster than recorded; loads and TTL keep their time")
	g.Var(&f.maxCalls, "max-calls", "replay no more than so many calls; 0: five million")
	g.BoolVar(&f.keepStamps, "keep-stamps", false, "leave calls with equal coarse times together (default: spread them over the tick)")

	g = f.group("Cache and callers")
	g.Var(&f.ttl, "ttl", "how long a stored value is served; in a shorter run: two fifths of it unless given")
	g.Var(&f.jitter, "jitter", "share by which a TTL is shortened at random, where the strategy does that")
	g.Var(&f.timeout, "timeout", "how long a caller waits; also the bound of a load, where the strategy has one")

	g.Var(&f.processes, "processes", "how many real processes run each strategy and share the calls, each with a cache of its own")
	g.StringVar(&f.far, "far", "", "`far tier` that they share, for strategies that can use one: embedded, redis://host:port or memcached://host:port")

	g = f.group("Trouble")
	g.Var(&f.cancel, "cancel", "share of callers that give up, at a random moment within two load times")
	g.Var(&f.invalidate, "invalidate", "writes a second: the row is changed, then invalidated; one in five is a second save, shortly after")
	g.Var(&f.fail, "fail", "share of loads that fail")
	g.Var(&f.slow, "slow", "share of loads that take longer, and how much, such as 0.01:500ms")

	g = f.group("Run")
	g.StringSliceVar(&f.only, "only", nil, "run only these `strategies`: "+strings.Join(names(), ","))
	g.StringSliceVar(&f.skip, "skip", nil, "leave these `strategies` out")
	g.Var(&f.seed, "seed", "of everything drawn at random")
	g.Var(&f.repeat, "repeat", "run each strategy so many times, in turns; figures are medians, errors are sums")

	g = f.group("Output")
	g.StringVar(&f.report, "report", "", "write a page with charts to `FILE.html`")
	g.StringVar(&f.json, "json", "", "write all figures as JSON to `FILE`; - is standard output, in the table's place")
	g.BoolVar(&f.explain, "explain", false, "say of each strategy what it prevents and what not")
	g.BoolVar(&f.quiet, "quiet", false, "print the table and errors, nothing else")
	g.StringVar(&f.progress, "progress", "auto", "`how` to show progress: "+strings.Join(progressModes, ", "))

	for _, g := range f.groups {
		cmd.Flags().AddFlagSet(g.flags)
	}
	return f
}

func (f *labFlags) group(title string) *pflag.FlagSet {
	set := pflag.NewFlagSet(title, pflag.ContinueOnError)
	set.SortFlags = false
	f.groups = append(f.groups, flagGroup{title, set})
	return set
}

// usages is the flags as the help shows them.
func (f *labFlags) usages(width int) string {
	var b strings.Builder
	for _, g := range f.groups {
		fmt.Fprintf(&b, "\n%s:\n%s", g.title, g.flags.FlagUsagesWrapped(width))
	}
	return b.String()
}

// given reports whether the user gave a flag.
func (f *labFlags) given(name string) bool { return f.set.Changed(name) }

// settle puts defaults that depend on other flags in the place of those that
// were not given.
func (f *labFlags) settle() {
	if f.quiet {
		f.progress = "none"
	}
	if f.trace != "" {
		if !f.given("warm") {
			f.warm.v = 0
		}
		return
	}
	if !f.given("warm") {
		f.warm.v = min(f.warm.v, f.keys.v)
	}
	if !f.given("ttl") && f.duration.v > 0 {
		f.ttl.v = min(f.ttl.v, f.duration.v*12/35) // else nothing would expire
	}
	if !f.given("burst-keys") {
		f.burstKeys.v = max(1, min(f.burstKeys.v, f.keys.v))
	}
	if f.burstAt.v == 0 {
		f.burstAt.v = min(f.ttl.v, f.duration.v/2)
	}
	if left := f.duration.v - f.burstAt.v; !f.given("burst-for") && left > 0 {
		f.burstFor.v = min(f.burstFor.v, left)
	}
}

// faults are all that is wrong with the flags, or nil.
func (f *labFlags) faults(ctx context.Context) error {
	c := checks{flags: f, unread: make(map[string]bool)}
	for _, g := range f.groups {
		g.flags.VisitAll(c.read)
	}
	c.check("source", f.knownSource(), "want sqlite, postgres://user:password@host:port/database, or http://host/path")
	c.check("rows", f.rows.v >= 1, "want 1 or more")
	c.check("limit", f.limit.v >= 0, "want 0 (no limit) or more")
	c.check("duration", f.duration.v > 0, "want more than 0, such as 3s")
	c.check("ttl", f.ttl.v > 0, "want more than 0, such as 1200ms")
	c.check("processes", f.processes.v >= 1 && f.processes.v <= mostProcesses, fmt.Sprintf("want 1 to %d", mostProcesses))
	c.check("far", f.far == "" || strategy.KnownFar(f.far), "want embedded, redis://host:port, rediss://host:port or memcached://host:port")
	c.check("timeout", f.timeout.v > 0, "want more than 0, such as 1s")
	c.check("invalidate", f.invalidate.v >= 0, "want 0 (no writes) or more writes a second")
	c.check("repeat", f.repeat.v >= 1, "want 1 or more")
	c.check("progress", slices.Contains(progressModes, f.progress), "want one of "+strings.Join(progressModes, ", "))
	if f.trace == "" {
		f.checkGenerated(&c)
	} else {
		f.checkTrace(ctx, &c)
	}
	if f.quiet && f.given("progress") {
		c.add(errors.New("--quiet shows no progress: leave out --quiet or --progress"))
	}
	if f.quiet && f.explain {
		c.add(errors.New("--quiet and --explain exclude each other: leave one out"))
	}
	c.check("json", f.json == "" || f.json != f.report, "--report is the same file; give another")
	_, err := f.kinds()
	c.add(err)
	return errors.Join(c.errs...)
}

func (f *labFlags) knownSource() bool {
	scheme, _, _ := strings.Cut(strings.ToLower(f.source), "://")
	return slices.Contains([]string{"sqlite", "sqlite:", "postgres", "postgresql", "http", "https"}, scheme)
}

func (f *labFlags) checkGenerated(c *checks) {
	c.foreign(traceOnly, "describes a trace; add --trace FILE, or leave it out")
	c.check("rate", f.rate.v > 0, "want more than 0 calls a second")
	c.check("keys", f.keys.v >= 1 && f.keys.v <= mostKeys, fmt.Sprintf("want 1 to %d", mostKeys))
	c.check("skew", f.skew.v > 0, "want more than 0, such as 0.9")
	c.check("burst", f.burst.v >= 1, "want 1 (no burst) or more times the rate")
	c.check("burst-at", f.burstAt.v >= 0, "want 0 or more")
	c.check("burst-for", f.burstFor.v >= 0, "want 0 or more")
	if !c.unread["keys"] && f.keys.v >= 1 {
		c.check("burst-keys", f.burstKeys.v >= 1 && f.burstKeys.v <= f.keys.v, fmt.Sprintf("want 1 to the number of --keys, %d", f.keys.v))
		c.check("warm", f.warm.v >= 0 && f.warm.v <= f.keys.v, fmt.Sprintf("want 0 to the number of --keys, %d", f.keys.v))
	}
	if f.burst.v > 1 && f.burstAt.v >= 0 && f.burstFor.v >= 0 && f.duration.v > 0 && f.burstAt.v+f.burstFor.v > f.duration.v {
		c.add(fmt.Errorf("--burst-at %v and --burst-for %v end after --duration %v: make the burst earlier or shorter, or the run longer", f.burstAt.v, f.burstFor.v, f.duration.v))
	}
	if calls := f.rate.v * f.duration.v.Seconds(); calls > mostCalls {
		c.add(fmt.Errorf("--rate %s for --duration %v makes %.0f calls, more than %d: lower one of them", f.rate.text(), f.duration.v, calls, mostCalls))
	}
}

func (f *labFlags) checkTrace(ctx context.Context, c *checks) {
	c.foreign(generatedOnly, "describes generated calls; leave it out, or leave out --trace")
	c.check("speed", f.speed.v > 0, "want more than 0; 10 is ten times faster than recorded")
	c.check("max-calls", f.maxCalls.v >= 0, "want 0 (five million) or more")
	c.check("warm", f.warm.v >= 0, "want 0 or more")

	// The rest is for the reader of traces to say. What is told already it is
	// not asked again.
	o := f.traceOptions()
	o.Speed, o.MaxCalls, o.MaxDuration = 1, 0, 0
	_, err := arrival.ReadTraceFrom(ctx, untouched{}, "", o)
	if !errors.Is(err, errUntouched) { // else it began to read: it objects to nothing
		c.add(err)
	}
}

var errUntouched = errors.New("not read")

// untouched is a reader that gives nothing.
type untouched struct{}

func (untouched) Read([]byte) (int, error) { return 0, errUntouched }

// checks collects what is wrong with flags.
type checks struct {
	flags  *labFlags
	unread map[string]bool // flags whose text could not be read, told already
	errs   []error
}

func (c *checks) add(err error) {
	if err != nil {
		c.errs = append(c.errs, err)
	}
}

// read tells of a flag whose text could not be read.
func (c *checks) read(flag *pflag.Flag) {
	v, ok := flag.Value.(interface{ unread() error })
	if !ok {
		return
	}
	if err := v.unread(); err != nil {
		c.unread[flag.Name] = true
		c.add(fmt.Errorf("--%s is %w", flag.Name, err))
	}
}

// check tells of a value that was read but cannot be.
func (c *checks) check(flag string, ok bool, remedy string) {
	if !ok && !c.unread[flag] {
		c.add(fmt.Errorf("--%s is %q: %s", flag, blankURL(c.flags.text(flag)), remedy))
	}
}

// foreign tells of flags that were given and have no meaning here.
func (c *checks) foreign(names []string, remedy string) {
	for _, name := range names {
		if c.flags.given(name) {
			c.add(fmt.Errorf("--%s is %q, but it %s", name, c.flags.text(name), remedy))
		}
	}
}

// text is a flag's value as the user wrote it.
func (f *labFlags) text(name string) string {
	v := f.set.Lookup(name).Value
	if t, ok := v.(interface{ text() string }); ok {
		return t.text()
	}
	return v.String()
}

func (f *labFlags) traceOptions() arrival.TraceOptions {
	o := arrival.TraceOptions{
		Format:     f.format,
		TimeColumn: f.timeColumn,
		KeyColumn:  f.keyColumn,
		TimeUnit:   f.timeUnit,
		Pattern:    f.pattern,
		Method:     f.method,
		Speed:      f.speed.v,
		MaxCalls:   f.maxCalls.v,
		KeepStamps: f.keepStamps,
	}
	if f.given("duration") {
		o.MaxDuration = f.duration.v
	}
	return o
}

func (f *labFlags) arrivalOptions() arrival.Options {
	o := arrival.Options{
		Keys:     f.keys.v,
		Skew:     f.skew.v,
		Rate:     f.rate.v,
		Duration: f.duration.v,
		Warm:     f.warm.v,
		Seed:     f.seed.v,
	}
	if f.burst.v > 1 && f.burstFor.v > 0 {
		o.BurstAt, o.BurstFor = f.burstAt.v, f.burstFor.v
		o.BurstFactor, o.BurstKeys = f.burst.v, f.burstKeys.v
	}
	return o
}

// kinds are the strategies that are to be run, in the order of the catalogue.
func (f *labFlags) kinds() ([]strategy.Kind, error) {
	var errs []error
	known := names()
	for _, flag := range []struct {
		name   string
		values []string
	}{{"only", f.only}, {"skip", f.skip}} {
		for _, name := range flag.values {
			if !slices.Contains(known, name) {
				errs = append(errs, fmt.Errorf("--%s names %q, which is no strategy: choose from %s", flag.name, name, strings.Join(known, ",")))
			}
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	var kinds []strategy.Kind
	for _, kind := range strategy.All() {
		if f.given("only") && !slices.Contains(f.only, kind.Name) || slices.Contains(f.skip, kind.Name) {
			continue
		}
		kinds = append(kinds, kind)
	}
	if len(kinds) == 0 {
		return nil, fmt.Errorf("--only %s and --skip %s leave no strategy: choose from %s",
			strings.Join(f.only, ","), strings.Join(f.skip, ","), strings.Join(known, ","))
	}
	return kinds, nil
}

// names are those of all strategies.
func names() []string {
	kinds := strategy.All()
	all := make([]string, len(kinds))
	for i, kind := range kinds {
		all[i] = kind.Name
	}
	return all
}
