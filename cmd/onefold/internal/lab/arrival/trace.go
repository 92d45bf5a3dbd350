package arrival

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	defaultMaxCalls = 5_000_000
	maxLine         = 1 << 20   // bytes of one line
	maxKey          = 4 << 10   // bytes of one key
	maxKeys         = 512 << 20 // bytes of all distinct keys
)

// TraceOptions says how to read a trace. The zero TraceOptions recognises the
// format by its content, replays at the recorded speed, and keeps all methods.
type TraceOptions struct {
	// Format is one of Formats, or empty to recognise it by the content.
	Format string

	// TimeColumn and KeyColumn are a header's names, 1-based numbers, or the
	// names of JSON fields. A name that stands in the trace as it is given
	// comes first; after that "a.b" is field b of object a, and a KeyColumn
	// of "a,b" joins two columns. Empty guesses by the usual names.
	TimeColumn string
	KeyColumn  string

	// TimeUnit is the unit of numeric time stamps: s, ms, us, ns, or 100ns
	// (FILETIME). Or it is the layout of dates: rfc3339, clf, or one in the
	// words of package time. Empty guesses.
	TimeUnit string

	// Pattern is a regular expression with the named groups time and key, and
	// perhaps method. Lines that do not match are left out, and counted.
	Pattern string

	// Method keeps the calls of one method or operation, such as GET: the
	// whole of it, or one of its parts between dots, as in REST.GET.OBJECT.
	// Empty keeps all.
	Method string

	// Speed divides all times. Zero means 1.
	Speed float64

	// MaxCalls ends the reading after so many calls. Zero means 5,000,000.
	MaxCalls int

	// MaxDuration leaves out calls after this time of the replay, counted
	// with Speed applied. Zero means no bound.
	MaxDuration time.Duration

	// KeepStamps leaves coarse time stamps as they are. Otherwise the calls
	// of one tick are spread evenly over it, in the order of the trace.
	KeepStamps bool
}

// ReadTrace reads the trace at path; "-" is standard input. Data compressed
// with gzip or zstd is recognised. What could not be used of the trace, and
// what was guessed, is said in Stream.Notes. Content that cannot be a trace
// gives a *FormatError.
func ReadTrace(ctx context.Context, path string, o TraceOptions) (*Stream, error) {
	if path == "-" {
		in := readUntilDone(ctx, os.Stdin)
		defer in.Close()
		return ReadTraceFrom(ctx, in, "standard input", o)
	}
	if err := o.validate(); err != nil {
		return nil, err // before the file is touched
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("arrival: --trace: %w", err)
	}
	defer file.Close()
	return ReadTraceFrom(ctx, file, filepath.Base(path), o)
}

// ReadTraceFrom reads a trace from r, as ReadTrace does. The name is for
// messages and the title.
func ReadTraceFrom(ctx context.Context, r io.Reader, name string, o TraceOptions) (*Stream, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	if o.MaxCalls == 0 {
		o.MaxCalls = defaultMaxCalls
	}
	if o.Speed == 0 {
		o.Speed = 1
	}
	plain, err := decompress(bufio.NewReaderSize(r, 64<<10))
	if err != nil {
		return nil, fmt.Errorf("arrival: %s: %w", name, err)
	}
	defer plain.Close()

	t := trace{TraceOptions: o, name: name, in: bufio.NewReaderSize(plain, maxLine), calls: newCollector()}
	if err := t.read(ctx); err != nil {
		return nil, err
	}
	return t.stream()
}

func (o TraceOptions) validate() error {
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf("arrival: "+format, args...)) }

	format, known := canonical(o.Format)
	switch {
	case o.Format != "" && !known:
		fault("--format is %q, want one of %s", o.Format, strings.Join(Formats(), ", "))
	case format == "pattern" && o.Pattern == "":
		fault("--format is pattern, and no --pattern is given")
	case o.Format != "" && format != "pattern" && o.Pattern != "":
		fault("--pattern is given with --format %s; leave one out", o.Format)
	}
	if o.Pattern != "" {
		if _, err := compilePattern(o.Pattern); err != nil {
			errs = append(errs, err)
		}
	}
	if _, err := parseUnit(o.TimeUnit); err != nil {
		errs = append(errs, err)
	}
	if o.Speed != 0 && !positive(o.Speed) {
		fault("--speed is %v, want a number above 0", o.Speed)
	}
	if o.MaxCalls < 0 || o.MaxCalls > math.MaxInt32 {
		fault("TraceOptions.MaxCalls is %d, want 0 to %d", o.MaxCalls, math.MaxInt32)
	}
	if o.MaxDuration < 0 {
		fault("TraceOptions.MaxDuration is %v, want 0 or more", o.MaxDuration)
	}
	return errors.Join(errs...)
}

// A trace is one reading: first read fills calls, then stream makes the
// stream out of them.
type trace struct {
	TraceOptions
	name    string
	in      *bufio.Reader
	format  string
	columns string // that the trace has, for messages
	clock   clock
	calls   *collector
	tally   tally
	notes   []string
}

func (t *trace) notef(format string, args ...any) {
	t.notes = append(t.notes, fmt.Sprintf(format, args...))
}

func (t *trace) read(ctx context.Context) error {
	sample, err := t.in.Peek(maxLine)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("arrival: %s: %w", t.name, err)
	}
	if len(sample) == 0 {
		return t.refuse("is empty", "give a trace with one request a line")
	}
	if err := t.chooseFormat(sample); err != nil {
		return err
	}
	unit, err := parseUnit(t.TimeUnit)
	if err != nil {
		return err
	}
	t.clock = unit
	if t.format == "oracle" {
		err = t.readOracle(ctx)
	} else {
		err = t.readLines(ctx, firstLines(sample))
	}
	if err != nil {
		return err
	}
	return t.judge()
}

// take books one line, or record, that a parser took apart.
func (t *trace) take(line int, text []byte, rec record, err error) {
	switch {
	case err != nil:
	case len(rec.key) == 0:
		err = leftOutError("empty key")
	case len(rec.key) > maxKey:
		err = fmt.Errorf("the key has %d bytes, the most is %d", len(rec.key), maxKey)
	case t.Method != "" && !isMethod(rec.method, t.Method):
		err = leftOutError("another method than " + t.Method)
	}
	var at stamp
	if err == nil {
		at, err = t.clock.read(rec.time)
	}
	if err != nil {
		t.tally.refuse(line, text, err)
		return
	}
	t.tally.good++
	if len(rec.method) > 0 {
		t.tally.methods.add(string(rec.method))
	}
	t.calls.add(at, rec.key, line)
}

// full says whether no more can be taken, and why.
func (t *trace) full() bool {
	switch {
	case len(t.calls.calls) >= t.MaxCalls:
		t.notef("only the first %d calls were read; the rest of the trace was left unread", t.MaxCalls)
	case t.calls.keyBytes >= maxKeys:
		t.notef("only the first %d calls were read, as their keys fill %d MiB; the rest of the trace was left unread", len(t.calls.calls), maxKeys>>20)
	default:
		return false
	}
	return true
}

// judge refuses what was not a trace.
func (t *trace) judge() error {
	switch n := &t.tally; {
	case n.lines() == 0:
		return t.refuse("holds no line but a header or blank ones", "give a trace with one request a line")
	case n.good == 0 && n.bad.n == 0:
		return t.refuse(fmt.Sprintf("no line of %d is a call: %v", n.left.n, &n.reasons), t.remedy())
	case n.good == 0:
		return t.refuse(fmt.Sprintf("no line of %d can be used as %s", n.lines(), t.format), t.remedy())
	case n.bad.n > n.lines()/2:
		return t.refuse(fmt.Sprintf("%d of %d lines cannot be used as %s", n.bad.n, n.lines(), t.format), t.remedy())
	}
	return nil
}

func (t *trace) refuse(reason, remedy string) error {
	shown := t.tally.bad.first
	if len(shown) == 0 && t.tally.good == 0 {
		shown = t.tally.left.first
	}
	return &FormatError{Name: t.name, Reason: reason, Lines: shown, Remedy: remedy}
}

func (t *trace) remedy() string {
	switch {
	case t.format == "pattern":
		return "change --pattern so that it matches the lines that are wanted"
	case t.columns != "":
		return "check --format, --time, --key and --time-unit; the columns are " + t.columns
	}
	return "check --format, or give a --pattern with the groups time and key"
}

// stream makes the stream of what was read.
func (t *trace) stream() (*Stream, error) {
	if err := t.scale(); err != nil {
		return nil, err
	}
	s := &Stream{Keys: t.calls.keys, Calls: t.calls.calls}
	t.notes = append(t.notes, t.tally.notes()...)
	if late := sortCalls(s.Calls); late > 0 {
		t.notef("calls that stood after a later one: %d; all were sorted by time", late)
	}
	if start := s.Calls[0].At; start != 0 {
		for i := range s.Calls {
			s.Calls[i].At -= start
		}
	}
	t.refineStamps(s)
	if err := t.hasten(s); err != nil {
		return nil, err
	}
	t.cut(s)
	s.Duration = s.Calls[len(s.Calls)-1].At
	s.Notes = t.notes
	s.Title = fmt.Sprintf("trace %s (%s): %d calls for %d keys over %v", t.name, t.format, len(s.Calls), len(s.Keys), s.Duration.Round(time.Microsecond))
	if t.Speed != 1 {
		s.Title += fmt.Sprintf(", at %v times the recorded speed", t.Speed)
	}
	return s, nil
}

// sortCalls sorts by time and keeps the order of equals. It returns how many
// calls came after a later one.
func sortCalls(calls []Call) (late int) {
	last := time.Duration(math.MinInt64)
	for _, c := range calls {
		if c.At < last {
			late++
		}
		last = max(last, c.At)
	}
	if late > 0 {
		slices.SortStableFunc(calls, byTime)
	}
	return late
}

// hasten divides all times by Speed.
func (t *trace) hasten(s *Stream) error {
	if t.Speed == 1 {
		return nil
	}
	if end := s.Calls[len(s.Calls)-1].At; float64(end)/t.Speed > maxSpan {
		return fmt.Errorf("arrival: --speed is %v, which stretches the %v of %s to more than 146 years; raise it", t.Speed, end, t.name)
	}
	for i := range s.Calls {
		s.Calls[i].At = time.Duration(float64(s.Calls[i].At) / t.Speed)
	}
	return nil
}

// cut applies MaxDuration, and forgets the keys that nobody wants any more.
func (t *trace) cut(s *Stream) {
	if t.MaxDuration == 0 || s.Calls[len(s.Calls)-1].At <= t.MaxDuration {
		return
	}
	n, _ := slices.BinarySearchFunc(s.Calls, t.MaxDuration+1, func(c Call, at time.Duration) int { return byTime(c, Call{At: at}) })
	t.notef("calls left out, after %v of the replay: %d", t.MaxDuration, len(s.Calls)-n)
	s.Calls = s.Calls[:n]

	renamed := make(map[int32]int32)
	var keys []string
	for i, c := range s.Calls {
		key, seen := renamed[c.Key]
		if !seen {
			key = int32(len(keys))
			renamed[c.Key] = key
			keys = append(keys, s.Keys[c.Key])
		}
		s.Calls[i].Key = key
	}
	s.Keys = keys
}

// isMethod says whether a trace's method is the one wanted.
func isMethod(method []byte, want string) bool {
	if strings.EqualFold(string(method), want) {
		return true
	}
	for part := range strings.SplitSeq(string(method), ".") {
		if strings.EqualFold(part, want) {
			return true
		}
	}
	return false
}
