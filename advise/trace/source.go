package trace

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// A Source gives the records of one or more files in order of time. The first
// record's time is zero, and none is before the one that was given before it.
//
// A Source is for one goroutine, but for Progress. It must be closed.
type Source struct {
	cfg   Config
	files []*file
	order *order
	about *about
	hash  hasher

	shift int64 // the time of the first record after the first file's first
	start time.Time
	begun bool
	err   error

	marks    ticks
	statuses statuses
	hours    hourly
}

// A file is one input with what reads it.
type file struct {
	in    *input
	plan  *plan
	dec   decoder
	stats *FileStats

	// A file that is one of several is read ahead by a batch.
	batch    []Record
	at, n    int
	offset   int64 // to be added to its times
	done     bool
	finished bool
}

// A decoder gives a file's records with times after the file's first.
type decoder interface {
	// decode gives some records, or io.EOF when there are no more, or the
	// error that ended the file.
	decode(dst []Record) (int, error)

	// origin gives the first record's time, since 1970 where it is absolute.
	origin() (sec, ns int64, absolute, ok bool)
}

// An Input is something to read that is not a file by name.
type Input struct {
	Name   string // for messages
	Reader io.Reader
}

// Open opens the files to read their records, merged by time; "-" is standard
// input. Files may be packed with gzip or zstd. How each is written is found
// out as far as cfg does not say; Guesses tells what came of it.
//
// Faults of cfg are reported together. A file that cannot be opened, or whose
// format, time or key cannot be found out, is an error.
func Open(paths []string, cfg Config) (*Source, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	switch {
	case len(paths) == 0:
		return nil, errors.New("trace: no file to read: name one, or - for standard input")
	case len(paths) > cfg.MaxFiles:
		return nil, fmt.Errorf("trace: %d files to read at once, and Config.MaxFiles is %d: raise it, or read fewer", len(paths), cfg.MaxFiles)
	}
	var ins []*input
	for i, path := range paths {
		if path == "-" && slices.Contains(paths[:i], path) {
			closeAll(ins)
			return nil, errors.New(`trace: standard input ("-") is named twice`)
		}
		in, err := openInput(path, os.Stdin, cfg.Digest)
		if err != nil {
			closeAll(ins)
			return nil, err
		}
		ins = append(ins, in)
	}
	return newSource(ins, cfg)
}

// OpenReaders is [Open] for what is no file. It closes no reader.
func OpenReaders(inputs []Input, cfg Config) (*Source, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	var ins []*input
	for _, i := range inputs {
		in, err := newInput(i.Name, i.Reader, 0, nil, cfg.Digest)
		if err != nil {
			closeAll(ins)
			return nil, err
		}
		ins = append(ins, in)
	}
	return newSource(ins, cfg)
}

func closeAll(ins []*input) {
	for _, in := range ins {
		in.Close()
	}
}

func newSource(ins []*input, cfg Config) (*Source, error) {
	s := &Source{cfg: cfg, hash: newHasher(cfg.Seed)}
	s.about = newAbout(&s.hash, cfg.Names)
	same := &twins{sets: nil, count: identitySets}
	for _, in := range ins {
		f, err := s.open(in, same)
		if err != nil {
			closeAll(ins)
			return nil, err
		}
		s.files = append(s.files, f)
	}
	if err := s.align(); err != nil {
		closeAll(ins)
		return nil, err
	}
	more := s.merge
	if len(s.files) == 1 {
		more = s.files[0].rest
	}
	s.order = newOrder(cfg.Reorder, more)
	return s, nil
}

// open plans how to read a file.
func (s *Source) open(in *input, same *twins) (*file, error) {
	l := newLines(in.r, s.cfg.MaxLine)
	sample := l.peek(64 << 10)
	f := &file{in: in, stats: &FileStats{}}
	if len(sample) == 0 {
		if l.err != nil && !errors.Is(l.err, io.EOF) {
			return nil, fmt.Errorf("trace: %s: %w", in.name, l.err)
		}
		f.stats.Guess = Guess{File: in.name, Packed: in.packed, Why: "it is empty", Time: "nowhere", Key: "nowhere"}
		f.dec = nothing{}
		return f, nil
	}
	p, err := makePlan(in.name, in.packed, sample, l.err != nil, &s.cfg)
	if err != nil {
		return nil, err
	}
	f.plan = p
	f.stats.Guess = p.guess
	if p.oracle {
		f.dec = &oracle{
			r: l, buf: make([]byte, 1<<16/oracleSize*oracleSize), hash: &s.hash, about: s.about, stats: f.stats,
			keep: len(s.cfg.Ops) == 0,
		}
		return f, nil
	}
	ps := &parser{
		clock: p.clock, stamp: p.guess.Stamp, unit: p.unit, zeroTTL: p.zeroTTL, scsi: p.scsi, identity: p.identity,
		hash: &s.hash, ops: newOpFilter(s.cfg.Ops), about: s.about, stats: f.stats, same: same, keepSame: s.cfg.KeepDuplicates, dropLike: s.cfg.DropAlike,
	}
	f.stats.keepBad, f.stats.showBad = s.cfg.BadLines, s.cfg.ShowLines
	if p.spans {
		ps.clock = clock{unit: 1}
		ps.unit[durationRole] = 1
		ps.identity = true
		ps.stamp = p.guess.Stamp
		f.dec = &spans{r: l, keys: spanKeys(&s.cfg), parser: ps, stats: f.stats, cfg: &s.cfg}
		return f, nil
	}
	if p.recorded {
		f.dec = newRecording(l, ps, f.stats)
		return f, nil
	}
	lf := &lineFile{lines: l, split: p.split, parser: ps, skip: p.skip, stats: f.stats}
	switch p.split.(type) {
	case *delimited, *template:
	default:
		lf.sparse = true
	}
	if m, ok := p.split.(*memcachedLine); ok {
		lf.memcached, lf.settler, ps.quiet = m, &settler{about: s.about}, true
	}
	f.dec = lf
	return f, nil
}

// nothing is the decoder of an empty file.
type nothing struct{}

func (nothing) decode([]Record) (int, error)               { return 0, io.EOF }
func (nothing) origin() (sec, ns int64, absolute, ok bool) { return 0, 0, false, false }

const mergeBatch = 1024

// align reads the beginning of each of several files, to know when each
// begins.
func (s *Source) align() error {
	if len(s.files) == 1 {
		return nil
	}
	var first *file
	for _, f := range s.files {
		f.batch = make([]Record, mergeBatch)
		if err := f.refill(); err != nil {
			return err
		}
		sec, ns, absolute, ok := f.dec.origin()
		if !ok {
			continue
		}
		if first == nil {
			first = f
			continue
		}
		sec0, ns0, absolute0, _ := first.dec.origin()
		if absolute != absolute0 {
			return fmt.Errorf("trace: %s has dates and %s counts from a start of its own, or the other way round: they cannot be merged, read one at a time",
				first.in.name, f.in.name)
		}
		diff := sec - sec0
		if most := int64(maxRange / 2 / 1_000_000_000); diff > most || diff < -most {
			return fmt.Errorf("trace: %s and %s are over 73 years apart: they cannot be merged, read one at a time", first.in.name, f.in.name)
		}
		f.offset = diff*1e9 + ns - ns0
	}
	return nil
}

// refill reads a file's next batch.
func (f *file) refill() error {
	f.at, f.n = 0, 0
	if f.done {
		return nil
	}
	n, err := f.rest(f.batch)
	f.n = n
	if errors.Is(err, io.EOF) {
		f.done = true
		return nil
	}
	return err
}

// rest decodes, and looks at how the file went when it is at its end.
func (f *file) rest(dst []Record) (int, error) {
	n, err := f.dec.decode(dst)
	if err != nil && !f.finished {
		f.finished = true
		if f.in.truncated.Load() {
			f.stats.Truncated = true
		}
		if errors.Is(err, io.EOF) {
			if bad := f.stats.mostlyBad(); bad != nil {
				return 0, bad
			}
			return n, err
		}
		var bad *MostlyBadError
		if !errors.As(err, &bad) {
			err = fmt.Errorf("trace: %s after %d lines: %w", f.in.name, f.stats.Lines, err)
		}
	}
	return n, err
}

// merge gives the next records of several files, each time that of the file
// whose next is the earliest.
func (s *Source) merge(dst []Record) (int, error) {
	n := 0
	for n < len(dst) {
		var best *file
		for _, f := range s.files {
			if f.at == f.n && !f.done {
				if err := f.refill(); err != nil {
					return n, err
				}
			}
			if f.at < f.n && (best == nil || f.batch[f.at].Time+f.offset < best.batch[best.at].Time+best.offset) {
				best = f
			}
		}
		if best == nil {
			if n > 0 {
				return n, nil
			}
			return 0, io.EOF
		}
		dst[n] = best.batch[best.at]
		dst[n].Time += best.offset
		best.at++
		n++
	}
	return n, nil
}

// Read gives up to len(batch) records that come next. It allocates nothing for
// a record. At the end it gives 0 and io.EOF, or [ErrNoRecords] where there was
// none at all. Another error ends the reading and is given again; it is a
// [*MostlyBadError] for a file that is not what it was taken for.
func (s *Source) Read(batch []Record) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	if len(batch) == 0 {
		return 0, nil
	}
	n, err := s.order.read(batch)
	if err != nil {
		if errors.Is(err, io.EOF) && !s.begun {
			err = s.noRecords()
		}
		s.err = err
		return 0, err
	}
	if !s.begun {
		s.begin(batch[0].Time)
	}
	for i := range batch[:n] {
		// Files that are far apart may be further apart than this can hold.
		if batch[i].Time -= s.shift; batch[i].Time < 0 {
			batch[i].Time = 1<<63 - 1
		}
	}
	s.marks.observe(batch[:n])
	s.statuses.observe(batch[:n])
	if !s.start.IsZero() {
		s.hours.observe(batch[:n])
	}
	return n, nil
}

// begin sets the clock to zero at the first record.
func (s *Source) begin(first int64) {
	s.begun = true
	s.shift = first
	for _, f := range s.files {
		if sec, ns, absolute, ok := f.dec.origin(); ok {
			if absolute {
				s.start = time.Unix(sec, ns).Add(time.Duration(first)).UTC()
				s.hours.from = int64(s.start.Sub(s.start.Truncate(time.Hour)))
			}
			return
		}
	}
}

func (s *Source) noRecords() error {
	var b strings.Builder
	for i, f := range s.files {
		if i > 0 {
			b.WriteString("; ")
		}
		st := f.stats
		if f.plan == nil {
			fmt.Fprintf(&b, "%s, which is empty", f.in.name)
			continue
		}
		fmt.Fprintf(&b, "%s: %d lines, of which %d cannot be read, %d are of operations that Config.Ops does not name, %d have no key, %d are no records",
			f.in.name, st.Lines, st.Bad, st.Filtered, st.NoKey, st.Passed)
	}
	return fmt.Errorf("%w in %s", ErrNoRecords, b.String())
}

// Close ends the reading and what reads ahead. It waits for a read of a file
// that is under way.
func (s *Source) Close() error {
	for _, f := range s.files {
		f.in.Close()
	}
	if s.err == nil {
		s.err = os.ErrClosed
	}
	return nil
}

// Guesses tell how each file is read.
func (s *Source) Guesses() []Guess {
	var g []Guess
	for _, f := range s.files {
		g = append(g, f.stats.Guess)
	}
	return g
}

// Progress gives how many bytes of the files were read, as they are on disk,
// and how many there are; 0 when that is not known. It may be called at the
// same time as Read.
func (s *Source) Progress() (read, total int64) {
	for _, f := range s.files {
		read += f.in.raw.n.Load()
		if f.in.size == 0 {
			total = -1
		}
		if total >= 0 {
			total += f.in.size
		}
	}
	return read, max(total, 0)
}

// Start is the first record's time, zero when the files count from a start of
// their own. It is known from the first Read on.
func (s *Source) Start() time.Time { return s.start }
