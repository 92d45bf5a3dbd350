package trace

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/onefold-go/onefold/record"
)

// recordingRemark is how package record begins, before its header.
const recordingRemark = "# onefold recording 1:"

// recordingSlots are its columns, in roles whose texts this reader takes out
// before a record is made of the rest.
var recordingSlots = []slot{
	{role: timeRole}, {role: tenantRole}, {role: keyRole}, {role: requestRole}, {role: cacheRole}, {role: tookRole}, {role: ttlRole},
}

// looksRecorded says by which of its first lines a file is a recording.
func looksRecorded(lines [][]byte) (why string, ok bool) {
	for _, line := range lines[:min(len(lines), 2)] {
		switch {
		case bytes.HasPrefix(line, []byte(recordingRemark)):
			return fmt.Sprintf("it begins with %q", line[:min(len(line), 120)]), true
		case string(line) == record.Header:
			return "it has the columns of a recording", true
		}
	}
	return "", false
}

// RecordingStats are what a recording of package record tells beside its
// records.
type RecordingStats struct {
	Calls    uint64
	Outcomes map[string]uint64 // of calls
	Loads    uint64
	Lone     uint64 // loads that no call in the file could be found for
	Names    int    // groups and caches that were recorded, up to 16

	Tail      uint64  // calls of keys that stand for others
	TailStand float64 // for how many calls they stand

	Dropped uint64 // events that found the recorder's buffer full
	Skipped uint64 // events of keys that were not chosen
}

// A recording decodes what package record writes. A call is an access; a load's
// line gives its duration to the call that led it, or, where it ran behind a
// call that did not wait for it, to the next call of the key.
//
// Lines are in order to within the interval in which they are written, so that
// a load may stand before its call. Either waits for the other.
type recording struct {
	lines  *lines
	split  delimited
	parser *parser
	stats  *FileStats
	sum    *RecordingStats

	fields fields
	names  map[uint64]struct{}
	held   []heldCall
	loads  map[uint64]heldLoad // the latest of a key
	ready  []Record
	given  int // ready[:given] are handed out
	end    error
}

// A heldCall waits for its load.
type heldCall struct {
	Record
	took int64
}

// A heldLoad waits for a call.
type heldLoad struct{ at, took int64 }

// So many of each are held.
const (
	heldCalls = 1024
	heldLoads = 1 << 16
)

func newRecording(l *lines, p *parser, stats *FileStats) *recording {
	stats.Recording = &RecordingStats{Outcomes: make(map[string]uint64)}
	return &recording{
		lines: l, split: delimited{delim: ',', need: len(recordingSlots), slots: recordingSlots}, parser: p, stats: stats, sum: stats.Recording,
		names: make(map[uint64]struct{}), loads: make(map[uint64]heldLoad),
	}
}

func (r *recording) decode(dst []Record) (int, error) {
	n := 0
	for n < len(dst) {
		if r.given < len(r.ready) {
			c := copy(dst[n:], r.ready[r.given:])
			r.given += c
			n += c
			r.stats.Records += uint64(c) //nolint:gosec // a length
			continue
		}
		r.ready, r.given = r.ready[:0], 0
		if r.end != nil {
			if n > 0 {
				return n, nil
			}
			return 0, r.end
		}
		if err := r.next(); err != nil {
			r.end = err
			for i := range r.held {
				r.give(&r.held[i].Record)
			}
			r.held = nil
			r.sum.Lone += uint64(len(r.loads))
			r.loads = nil
		}
	}
	return n, nil
}

// next reads a line. An error ends the reading.
func (r *recording) next() error {
	line, err := r.lines.next()
	switch {
	case errors.Is(err, ErrLineTooLong):
		r.stats.Lines++
		return r.bad(err, nil)
	case err != nil:
		return err
	case len(line) == 0:
		return nil
	}
	r.stats.Lines++
	if line[0] == '#' || string(line) == record.Header {
		r.stats.Passed++
		var written, skipped, dropped uint64
		if n, _ := fmt.Sscanf(string(line), "# written %d, skipped %d, dropped %d", &written, &skipped, &dropped); n == 3 {
			r.sum.Skipped += skipped
			r.sum.Dropped += dropped
		}
		return nil
	}
	if err := r.line(line); err != nil && !errors.Is(err, errPassed) {
		return r.bad(err, line)
	}
	return nil
}

func (r *recording) bad(err error, line []byte) error {
	r.stats.bad(err, line)
	if bad := r.stats.mostlyBad(); bad != nil && r.stats.Bad%1000 == 0 {
		return bad
	}
	return nil
}

// line takes in a call or a load.
func (r *recording) line(line []byte) error {
	f := &r.fields
	f.clear()
	if err := r.split.split(line, f); err != nil {
		return err
	}
	event, outcome := f.col[requestRole], f.col[cacheRole]
	took, ok := count(f.col[tookRole])
	if !ok || took > maxSpan {
		return fmt.Errorf("the duration is %q", clip(f.col[tookRole]))
	}
	weight := 1.0
	if w := f.col[ttlRole]; string(w) != "1" {
		var err error
		if weight, err = strconv.ParseFloat(string(w), 64); err != nil || !(weight >= 1 && weight < 1e9) { //nolint:staticcheck // NaN too
			return fmt.Errorf("the weight is %q, want 1 or more", clip(w))
		}
	}
	switch string(event) {
	case "load":
		return r.load(f, took)
	case "call":
	default:
		return fmt.Errorf("the event is %q, want call or load", clip(event))
	}
	led := false
	switch string(outcome) {
	case "led", "failed":
		led = true
	case "joined", "hit", "stale", "negative":
	default:
		return fmt.Errorf("the outcome is %q", clip(outcome))
	}
	f.col[requestRole], f.col[cacheRole], f.col[tookRole], f.col[ttlRole] = nil, nil, nil, nil
	var rec Record
	if err := r.parser.record(f, &rec); err != nil {
		return err
	}
	r.sum.Calls++
	r.sum.Outcomes[string(outcome)]++
	if len(r.names) < 16 {
		r.names[r.parser.hash.bytes(f.col[tenantRole])] = struct{}{}
		r.sum.Names = len(r.names)
	}
	if weight > 1 {
		r.sum.Tail++
		r.sum.TailStand += weight
	}
	l, waits := r.loads[rec.Key]
	switch {
	case led && waits && l.in(rec.Time, took), !led && waits && rec.Time >= l.at+l.took:
		delete(r.loads, rec.Key)
		rec.Duration = l.took
	case led:
		if len(r.held) == heldCalls {
			r.give(&r.held[0].Record)
			r.held = slices.Delete(r.held, 0, 1)
		}
		if string(outcome) == "led" {
			rec.Duration = took
		}
		r.held = append(r.held, heldCall{rec, took})
		return nil
	}
	r.give(&rec)
	return nil
}

// in reports whether l began while a call was under way.
func (l heldLoad) in(began, took int64) bool { return l.at >= began && l.at <= began+took }

// load gives a load to its call.
func (r *recording) load(f *fields, took int64) error {
	key := r.parser.keyOf(f, f.key[0])
	if len(key) == 0 {
		return fmt.Errorf("the key is %q", clip(f.key[0]))
	}
	at, err := r.parser.clock.since(f.col[timeRole])
	if err != nil {
		return err
	}
	r.sum.Loads++
	hash, l := r.parser.hash.bytes(key), heldLoad{at, took}
	for i := len(r.held) - 1; i >= 0; i-- {
		if c := &r.held[i]; c.Key == hash && l.in(c.Time, c.took) {
			c.Duration = took
			r.give(&c.Record)
			r.held = slices.Delete(r.held, i, i+1)
			return nil
		}
	}
	if _, there := r.loads[hash]; there {
		r.sum.Lone++
	} else if len(r.loads) == heldLoads {
		r.sum.Lone += uint64(len(r.loads))
		clear(r.loads)
	}
	r.loads[hash] = l
	return nil
}

// give puts a record where decode finds it.
func (r *recording) give(rec *Record) {
	if rec.Duration >= 0 {
		r.stats.Durations++
	}
	r.ready = append(r.ready, *rec)
}

func (r *recording) origin() (sec, ns int64, absolute, ok bool) {
	sec, ns = r.parser.clock.origin()
	return sec, ns, r.parser.clock.absolute(), r.parser.clock.started
}

// recordingFindings tell what is in a recording, and what is not.
func recordingFindings(f *FileStats, add func(Finding), severe func(n, of uint64, caution, serious float64) Severity) {
	r, file := f.Recording, f.Guess.File
	add(Finding{
		Kind: Recorded, Severity: Note, File: file, Count: r.Calls, Of: r.Calls + r.Loads,
		Text: fmt.Sprintf("%s is a recording of %d calls (%s hits, %s led a load, %s joined one) and %d loads, %d of which no call in it waited for",
			file, r.Calls, share(r.Outcomes["hit"]+r.Outcomes["stale"]+r.Outcomes["negative"], r.Calls), share(r.Outcomes["led"], r.Calls), share(r.Outcomes["joined"], r.Calls),
			r.Loads, r.Lone),
	})
	if r.Names > 1 {
		add(Finding{
			Kind: Recorded, Severity: Caution, File: file, Count: uint64(r.Names), Of: r.Calls, //nolint:gosec // a small number
			Text:   fmt.Sprintf("%s has calls of %d groups or caches: where one stands behind another, a request is there twice", file, r.Names),
			Remedy: "record one of them, or leave out the lines of the others",
		})
	}
	if r.Tail > 0 {
		head := r.Calls - r.Tail
		all := uint64(float64(head) + r.TailStand)
		tail := uint64(r.TailStand)
		add(Finding{
			Kind: TailSampled, Severity: severe(tail, all, 0.01, 0.5), File: file, Count: r.Tail, Of: r.Calls,
			Text: fmt.Sprintf("%s has all calls of the keys asked for most, and of the others a sample: %d calls that stand for about %d (%s of about %d in all). Figures are of what was recorded, so that loads of the others are too few",
				file, r.Tail, tail, share(tail, all), all),
			Remedy: "raise HeadKeys or TailShare of record.Config where the others matter",
		})
	}
	if r.Dropped > 0 {
		of := r.Calls + r.Loads + r.Dropped
		add(Finding{
			Kind: DroppedEvents, Severity: max(Caution, severe(r.Dropped, of, 0, 0.01)), File: file, Count: r.Dropped, Of: of,
			Text:   fmt.Sprintf("the recorder of %s dropped %d events (%s), as its buffer was full: what came in bursts is what is missing", file, r.Dropped, share(r.Dropped, of)),
			Remedy: "raise Buffer of record.Config",
		})
	}
}
