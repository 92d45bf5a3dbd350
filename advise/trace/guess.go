package trace

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// A Guess is how a file is read, and why. What Config did not say was found
// out from how the file begins.
type Guess struct {
	File   string
	Packed string // gzip, zstd or empty
	Format Format
	Why    string // what speaks for the format

	Time     string        // where the time stands and how it is written
	TimeUnit time.Duration // 0 when times are texts
	Stamp    Stamp         // Begin or End
	Key      string        // where the key stands
	Others   []string      // the other columns that are read

	// Assumed is what nothing in the file says, and what would change the
	// figures if it were wrong.
	Assumed []string
}

// String is the guess in a sentence or two.
func (g Guess) String() string {
	var b strings.Builder
	b.WriteString(g.File)
	if g.Packed != "" {
		fmt.Fprintf(&b, " (%s)", g.Packed)
	}
	if g.Format == Auto {
		b.WriteString(" is empty.")
		return b.String()
	}
	fmt.Fprintf(&b, " is read as %s: %s. The time of an access is %s, taken as its %s; the key is %s", g.Format, g.Why, g.Time, g.Stamp, g.Key)
	if len(g.Others) > 0 {
		fmt.Fprintf(&b, "; read beside them: %s", strings.Join(g.Others, ", "))
	}
	b.WriteByte('.')
	for _, a := range g.Assumed {
		fmt.Fprintf(&b, " Assumed: %s.", a)
	}
	return b.String()
}

var (
	// ErrNoTime reports a file that says of no access when it was.
	ErrNoTime = errors.New("trace: no time column")

	// ErrNoKey reports a file that says of no access what was asked for.
	ErrNoKey = errors.New("trace: no key column")

	// ErrUnknownFormat reports a file that begins like nothing known here.
	ErrUnknownFormat = errors.New("trace: the format is not known")

	// ErrTimeUnit reports times that are numbers and no dates, so that they
	// may count anything.
	ErrTimeUnit = errors.New("trace: the unit of the times is not known")
)

// A plan is how to read one file.
type plan struct {
	guess    Guess
	split    splitter
	clock    clock
	unit     [numRoles]int64
	zeroTTL  bool
	scsi     bool
	identity bool
	skip     []byte // a header line, passed over
	oracle   bool
	spans    bool
	recorded bool
	settle   bool
	sparse   bool  // lines that are no records are usual
	timeUnit int64 // of the time column, where the format or a name says so
	timeName string
}

// sampleLines is how many lines a guess is made from.
const sampleLines = 64

// makePlan finds out how to read a file that begins with sample.
func makePlan(file, packed string, sample []byte, whole bool, cfg *Config) (*plan, error) {
	p := &plan{guess: Guess{File: file, Packed: packed, Format: cfg.Format, Why: "as configured"}}
	lines := cutLines(sample, whole)
	switch {
	case cfg.Template != "":
		p.guess.Format = Template
	case cfg.Pattern != "":
		p.guess.Format = Text
	case cfg.Format == Auto:
		if p.guess.Format, p.guess.Why = detect(sample, lines, cfg); p.guess.Format == Auto {
			return nil, fmt.Errorf("%w: %s begins like none of %s; set Config.Format, Config.Template or Config.Pattern",
				ErrUnknownFormat, file, strings.Join(formatNames[1:], ", "))
		}
	}
	if err := p.byFormat(lines, cfg); err != nil {
		return nil, err
	}
	p.units(cfg)
	if p.oracle || p.spans || p.recorded {
		return p, nil
	}
	if err := p.setClock(lines, cfg); err != nil {
		return nil, err
	}
	if cfg.Stamp != UsualStamp {
		p.guess.Stamp = cfg.Stamp
	}
	return p, nil
}

// cutLines gives the first lines of sample that are whole and not empty.
func cutLines(sample []byte, whole bool) [][]byte {
	var lines [][]byte
	for len(sample) > 0 && len(lines) < sampleLines {
		line := sample
		if i := strings.IndexByte(string(sample), '\n'); i >= 0 {
			line, sample = sample[:i], sample[i+1:]
		} else if whole || len(lines) == 0 {
			sample = nil
		} else {
			break
		}
		if n := len(line); n > 0 && line[n-1] == '\r' {
			line = line[:n-1]
		}
		if len(line) > 0 {
			lines = append(lines, line)
		}
	}
	return lines
}

// byFormat makes the splitter.
func (p *plan) byFormat(lines [][]byte, cfg *Config) error {
	seconds := func(roles ...role) {
		for _, r := range roles {
			p.unit[r] = 1e9
		}
	}
	g := &p.guess
	switch g.Format {
	case CSV, CacheSimCSV, MetaKV:
		return p.csv(lines, cfg)
	case Twitter:
		p.split = &delimited{delim: ',', need: 7, slots: []slot{
			{role: timeRole}, {role: keyRole}, {}, {role: sizeRole}, {role: clientRole}, {role: opRole}, {role: ttlRole},
		}}
		p.timeUnit, p.zeroTTL = 1e9, true
		seconds(ttlRole)
		g.Time, g.Key, g.Stamp = "column 1 in seconds", "column 2", Begin
		g.Others = []string{"value size", "client", "operation", "TTL of what is written"}
	case IBMObjects:
		p.split = &delimited{delim: ' ', blanks: true, need: 3, slots: []slot{
			{role: timeRole}, {role: opRole}, {role: keyRole}, {role: sizeRole},
		}}
		p.timeUnit = 1e6
		g.Time, g.Key, g.Stamp = "column 1 in milliseconds since the start", "the object in column 3, whatever range of it", Begin
		g.Others = []string{"operation", "size"}
	case JSONL, Zeek, EnvoyJSON:
		return p.json(lines, cfg)
	case Common, Combined:
		return p.accessLog(lines)
	case Template:
		return p.template(cfg.Template)
	case Envoy:
		t, err := compileTemplate(envoyTemplate)
		if err != nil {
			return err
		}
		t.need = 10 // an own format often ends otherwise
		p.split = t.trim()
		p.unit[tookRole], p.unit[durationRole] = 1e6, 1e6
		g.Time, g.Key, g.Stamp = "%START_TIME%", "the authority and the path", Begin
		g.Others = []string{"method", "status", "bytes sent", "duration", "x-envoy-upstream-service-time"}
	case ALB:
		t, err := compileTemplate(albTemplate)
		if err != nil {
			return err
		}
		p.split = t.trim()
		seconds(durationRole)
		g.Time, g.Key, g.Stamp = "request_creation_time", "the target with its host", Begin
		g.Others = []string{"method", "client", "status", "bytes sent", "target_processing_time"}
	case RedisMonitor:
		p.split, p.sparse = &redisLine{}, true
		p.timeUnit, p.unit[ttlRole] = 1e9, 1e6
		g.Time, g.Key, g.Stamp = "the number at the front in seconds", "the command's first argument, with its database", Begin
		g.Others = []string{"command", "client", "TTL of SET"}
	case MemcachedWatch:
		p.split, p.sparse, p.settle, p.zeroTTL = &memcachedLine{}, true, true, true
		p.timeUnit, p.clock.micros = 1e9, true
		seconds(ttlRole)
		g.Time, g.Key, g.Stamp = "ts in seconds and microseconds", "key", Begin
		g.Others = []string{"gid, for the order", "type", "cmd", "status", "size", "ttl"}
	case Text:
		re, err := compilePattern(cfg.Pattern)
		if err != nil {
			return err
		}
		p.split, p.sparse = re, true
		g.Time, g.Key, g.Stamp = "the group time", "the group key or request", End
	case OpenStack:
		re, err := compilePattern(openStack)
		if err != nil {
			return err
		}
		re.need = "status: "
		p.split, p.sparse = re, true
		seconds(tookRole)
		g.Time, g.Key, g.Stamp = "in front of the line", "the path", End
		g.Others = []string{"method", "client", "status", "size", "time taken"}
	case OracleGeneral:
		p.oracle = true
		g.Assumed = append(g.Assumed, "every record is a read, for the format does not say; writes among them make hits of what they change")
		g.Time, g.Key, g.Stamp, g.TimeUnit = "32 bits in seconds", "the object", Begin, time.Second
		g.Others = []string{"size"}
	case Recording:
		p.recorded = true
		p.clock = clock{kind: stampNumber, unit: 1}
		p.unit[tookRole], p.unit[durationRole] = 1, 1
		g.Time, g.Key, g.Stamp, g.TimeUnit = "the column time in nanoseconds", "the column key with name", Begin, time.Nanosecond
		g.Others = []string{"event (calls are accesses, loads their durations)", "outcome", "weight (over 1: a sample of the keys asked for less)"}
	case OTLP:
		p.spans = true
		g.Time, g.Stamp, g.TimeUnit = "startTimeUnixNano", Begin, time.Nanosecond
		g.Key = "the attribute " + strings.Join(spanKeys(cfg), ", or ")
		g.Others = []string{"kind (client spans only, where there are any)", "duration", "operation", "status"}
	}
	return nil
}

func (p *plan) template(text string) error {
	t, err := compileTemplate(text)
	if err != nil {
		return err
	}
	p.split = t.trim()
	g := &p.guess
	g.Stamp = End
	if strings.Contains(text, "%t") || strings.Contains(text, "%START_TIME") {
		g.Stamp = Begin
	}
	p.templateUnits(text)
	g.Time, g.Key = "that of the template", "the request's target"
	for _, s := range t.steps {
		switch s.slot.role {
		case noRole, timeRole, keyRole, requestRole:
		default:
			g.Others = append(g.Others, roleNames[s.slot.role])
		}
	}
	return nil
}

// templateUnits sets what the variables of servers count.
func (p *plan) templateUnits(text string) {
	p.unit[tookRole], p.unit[durationRole], p.unit[ttlRole] = 1e9, 1e9, 1e9
	switch {
	case strings.Contains(text, "%D") && !strings.Contains(text, "%DU"):
		p.unit[tookRole] = 1e3
	case strings.Contains(text, "%DURATION%"):
		p.unit[tookRole], p.unit[durationRole] = 1e6, 1e6
	}
}

// accessLog is the common log format, with what may stand behind it. Which
// variable that is is guessed from how it looks.
func (p *plan) accessLog(lines [][]byte) error {
	g := &p.guess
	base := commonTemplate
	if g.Format == Combined {
		base = combinedTemplate
	}
	t, err := compileTemplate(base)
	if err != nil {
		return err
	}
	need := t.need // what is behind may be missing
	more, found := tail(t, lines)
	g.Time, g.Key, g.Stamp = "in square brackets", "the request's target", End
	if strings.Contains(more, "$msec") {
		base = strings.Replace(base, "[$time]", "[$coarse]", 1)
		g.Time = "$msec behind the combined format"
	}
	if t, err = compileTemplate(base + more + " $rest"); err != nil {
		return err
	}
	t.need = need
	p.templateUnits("")
	p.split = t.trim()
	g.Others = append([]string{"method", "client", "status", "size"}, found...)
	if len(found) > 0 {
		g.Assumed = append(g.Assumed, "the columns behind the usual ones are "+strings.Join(found, " and ")+", by how they look; Config.Template says it for certain")
	}
	return nil
}

// units sets those that Config gives.
func (p *plan) units(cfg *Config) {
	if cfg.DurationUnit != 0 {
		p.unit[durationRole], p.unit[tookRole] = int64(cfg.DurationUnit), int64(cfg.DurationUnit)
	}
	if cfg.TTLUnit != 0 {
		p.unit[ttlRole] = int64(cfg.TTLUnit)
	}
	if p.unit[ttlRole] == 0 {
		p.unit[ttlRole] = 1e9
	}
}

// setClock finds out how the times are written from the first line that has
// one.
func (p *plan) setClock(lines [][]byte, cfg *Config) error {
	var f fields
	var stamp []byte
	for _, line := range lines {
		if p.skip != nil && string(line) == string(p.skip) {
			continue
		}
		f.clear()
		if p.split.split(line, &f) == nil && !dash(f.col[timeRole]) {
			if stamp == nil {
				stamp = f.col[timeRole]
			}
			if c, _, ok := clockOf(f.col[timeRole], cfg.TimeLayout); ok {
				micros := p.clock.micros
				p.clock, stamp = c, f.col[timeRole]
				p.clock.micros = micros
				return p.setUnit(string(stamp), cfg)
			}
		}
	}
	if cfg.TimeLayout != "" {
		p.clock = clock{kind: stampLayout, layout: cfg.TimeLayout, unit: 1e9}
		p.guess.Time += " as " + cfg.TimeLayout
		return nil
	}
	if stamp != nil && !p.sparse {
		return fmt.Errorf("%w: %s has times such as %q, which are written in no way known here; set Config.TimeLayout", ErrNoTime, p.guess.File, clip(stamp))
	}
	// There is no record in the sample. What comes may be of the usual kind.
	p.clock = clock{kind: stampNumber, unit: 1e9}
	return nil
}

// clip cuts a text that is shown.
func clip(b []byte) string {
	if len(b) > 60 {
		return string(b[:57]) + "..."
	}
	return string(b)
}

func (p *plan) setUnit(stamp string, cfg *Config) error {
	g := &p.guess
	if p.clock.kind != stampNumber {
		_, what, _ := clockOf([]byte(stamp), cfg.TimeLayout)
		g.Time += " as " + what
		return nil
	}
	unit := p.timeUnit
	if cfg.TimeUnit != 0 {
		unit = int64(cfg.TimeUnit)
	}
	if unit == 0 {
		whole, nanos, neg, _ := number([]byte(stamp))
		if unit = unitOf(whole); unit == 0 && nanos != 0 {
			unit = 1e9
			g.Assumed = append(g.Assumed, "times such as "+stamp+" are seconds, for they have a point; Config.TimeUnit says it for certain")
		}
		if unit == 0 || neg {
			return fmt.Errorf("%w: %s has times such as %s, which are no dates; set Config.TimeUnit to what they count", ErrTimeUnit, g.File, stamp)
		}
	}
	p.clock.unit = unit
	g.TimeUnit = time.Duration(unit)
	if p.timeUnit == 0 {
		g.Time += " in units of " + time.Duration(unit).String()
	}
	return nil
}

// unitOf gives what a number counts that is a date of our times, or 0.
func unitOf(whole uint64) int64 {
	for _, unit := range []uint64{1e9, 1e6, 1e3, 1} {
		per := 1_000_000_000 / unit
		if plausible(int64(whole / per)) {
			return int64(unit)
		}
	}
	if whole > 120_000_000_000_000_000 && whole < 160_000_000_000_000_000 {
		return fileTimeUnit
	}
	return 0
}

// Layouts beside those that have a reader of their own.
var layouts = []string{
	time.ANSIC, time.UnixDate, time.RubyDate, time.RFC1123, time.RFC1123Z, time.RFC850, time.Stamp, time.StampMilli,
	time.StampMicro, "02/Jan/2006 15:04:05", "20060102150405", "20060102T150405Z", "01/02/2006 15:04:05",
	"02.01.2006 15:04:05", "2006-01-02 15:04:05 -0700 MST",
}

// clockOf finds out how a time is written.
func clockOf(b []byte, layout string) (c clock, what string, ok bool) {
	if layout != "" {
		c = clock{kind: stampLayout, layout: layout, unit: 1e9}
		_, _, _, ok = c.read(b)
		return c, layout, ok
	}
	for _, k := range []struct {
		kind stampKind
		what string
	}{{stampISO, "date and time (ISO 8601)"}, {stampCLF, "day/month/year:time"}, {stampNumber, "a number"}} {
		c = clock{kind: k.kind, unit: 1e9}
		if _, _, _, ok := c.read(b); ok {
			if len(b) == 14 && b[0] == '2' && k.kind == stampNumber {
				if _, err := time.Parse("20060102150405", string(b)); err == nil {
					break
				}
			}
			return c, k.what, true
		}
	}
	for _, l := range layouts {
		c = clock{kind: stampLayout, layout: l, unit: 1e9}
		if _, _, _, ok := c.read(b); ok {
			return c, l, true
		}
	}
	return clock{}, "", false
}
