package trace

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// A Finding is something about the input that a verdict from it depends on.
type Finding struct {
	Kind     FindingKind
	Severity Severity
	File     string        // empty when it is about all
	Count    uint64        // of the records or lines concerned
	Of       uint64        // out of so many
	Value    time.Duration // the resolution, where it is about that
	Text     string        // a sentence for the reader of the report
	Remedy   string        // what to do about it; empty for nothing
}

// A FindingKind says what a [Finding] is about.
type FindingKind string

// What can be found.
const (
	BadLines      FindingKind = "bad-lines"
	TruncatedFile FindingKind = "truncated"
	OutOfOrder    FindingKind = "out-of-order"
	LateRecords   FindingKind = "late"
	Duplicates    FindingKind = "duplicates"
	Suspected     FindingKind = "suspected-duplicates"
	CoarseStamps  FindingKind = "coarse-stamps"
	BatchedStamps FindingKind = "batched-stamps"
	OneInstant    FindingKind = "one-instant"
	FewMinutes    FindingKind = "few-minutes"
	EndOnly       FindingKind = "end-without-duration"
	EndShifted    FindingKind = "end-less-duration"
	Overflow      FindingKind = "overflow"
	CacheInFront  FindingKind = "cache-in-front"
	BehindCache   FindingKind = "behind-cache"
	Repeated      FindingKind = "repeated"
	AssumedUnits  FindingKind = "assumed"
	NoKeys        FindingKind = "no-key"
	EmptyFile     FindingKind = "empty-file"
	KeyCollapses  FindingKind = "key-collapses"
	Recorded      FindingKind = "recording"
	TailSampled   FindingKind = "tail-sampled"
	DroppedEvents FindingKind = "dropped-events"
)

// Severity says how much a finding can change.
type Severity uint8

// The severities.
const (
	Note    Severity = iota // good to know
	Caution                 // figures are less sure, or follow from an assumption
	Serious                 // figures may be wrong until it is settled
)

// String names the severity.
func (s Severity) String() string {
	switch s {
	case Note:
		return "note"
	case Caution:
		return "caution"
	default:
		return "serious"
	}
}

// A Summary is all that was found out while reading. It is whole when Read
// has given io.EOF.
type Summary struct {
	Start      time.Time     // of the first record; zero when it is not known
	Span       time.Duration // from the first record to the last
	Records    uint64
	Reads      uint64
	Writes     uint64
	Deletes    uint64
	Others     uint64
	Late       uint64 // records that came too late to be put in order
	Resolution Resolution
	Cache      map[string]uint64 // records by what a cache said
	Keys       Keys
	Names      []Name // with Config.Names
	Files      []FileStats
	Findings   []Finding // the most serious first
}

// Summary gives what was found out so far.
func (s *Source) Summary() Summary {
	sum := Summary{
		Start: s.start, Span: time.Duration(s.marks.last - s.marks.first), Records: s.marks.n,
		Reads: s.statuses.reads, Writes: s.statuses.writes, Deletes: s.statuses.deletes, Others: s.statuses.others,
		Late: s.order.late, Resolution: s.marks.resolution(), Keys: s.about.report(),
	}
	for i, n := range s.statuses.cache {
		if n > 0 && i > 0 {
			if sum.Cache == nil {
				sum.Cache = make(map[string]uint64)
			}
			sum.Cache[CacheStatus(i).String()] = n
		}
	}
	if s.about.names != nil {
		sum.Names = s.about.names.top()
	}
	for _, f := range s.files {
		st := *f.stats
		st.FirstBad = slices.Clone(st.FirstBad)
		if st.Recording != nil {
			r := *st.Recording
			r.Outcomes = maps.Clone(r.Outcomes)
			st.Recording = &r
		}
		st.Bytes = f.in.raw.n.Load()
		if f.finished {
			st.Digest = f.in.digest()
		}
		sum.Files = append(sum.Files, st)
	}
	for _, f := range s.files {
		// Durations were subtracted from these, and are finer than they were.
		if lf, ok := f.dec.(*lineFile); ok && lf.parser.stamp == End && time.Duration(lf.parser.step) > sum.Resolution.Step {
			sum.Resolution.Step = time.Duration(lf.parser.step)
			sum.Resolution.Tick = max(sum.Resolution.Tick, sum.Resolution.Step)
		}
	}
	sum.Findings = s.findings(&sum)
	return sum
}

func share(n, of uint64) string {
	if of == 0 {
		return "0 %"
	}
	return fmt.Sprintf("%.3g %%", 100*float64(n)/float64(of))
}

func (s *Source) findings(sum *Summary) []Finding {
	var out []Finding
	add := func(f Finding) { out = append(out, f) }
	severe := func(n, of uint64, caution, serious float64) Severity {
		switch part := float64(n) / float64(max(of, 1)); {
		case part >= serious:
			return Serious
		case part >= caution:
			return Caution
		default:
			return Note
		}
	}
	for i := range sum.Files {
		fileFindings(&sum.Files[i], add, severe)
	}
	if n := sum.Late; n > 0 {
		add(Finding{
			Kind: LateRecords, Severity: severe(n, sum.Records, 0.0001, 0.01), Count: n, Of: sum.Records,
			Text:   fmt.Sprintf("%d records (%s) came more than %d records late and were given the time of the one before them", n, share(n, sum.Records), s.cfg.Reorder),
			Remedy: "sort the file by time, or raise Config.Reorder",
		})
	}
	s.resolutionFindings(sum, add)
	s.cacheFindings(sum, add)
	for _, p := range sum.Keys.Collapsing() {
		add(Finding{
			Kind: KeyCollapses, Severity: Serious, Count: p.Keys, Of: sum.Keys.LookedAtDistinct,
			Text: fmt.Sprintf("of %d reads nearly all have a key of their own (%d); without %s there would be %d",
				sum.Keys.LookedAt, sum.Keys.LookedAtDistinct, p.Name, p.Keys),
			Remedy: "leave it out of the key, unless answers differ by it",
		})
	}
	slices.SortStableFunc(out, func(a, b Finding) int { return cmp.Compare(b.Severity, a.Severity) })
	return out
}

func fileFindings(f *FileStats, add func(Finding), severe func(n, of uint64, caution, serious float64) Severity) {
	file := f.Guess.File
	if f.Lines == 0 && f.Guess.Format == Auto {
		add(Finding{Kind: EmptyFile, Severity: Caution, File: file, Text: file + " is empty"})
	}
	if f.Truncated {
		add(Finding{
			Kind: TruncatedFile, Severity: Caution, File: file, Count: f.Lines, Of: f.Lines,
			Text:   fmt.Sprintf("%s breaks off after %d lines; what came before is used", file, f.Lines),
			Remedy: "fetch the file again if it should be whole",
		})
	}
	if f.Recording != nil {
		recordingFindings(f, add, severe)
	}
	if f.Bad > 0 {
		text := fmt.Sprintf("%d of %d lines of %s (%s) cannot be read and are left out", f.Bad, f.Lines, file, share(f.Bad, f.Lines))
		for _, b := range f.FirstBad {
			text += "; " + b.String()
		}
		add(Finding{Kind: BadLines, Severity: severe(f.Bad, f.Lines, 0.001, 0.05), File: file, Count: f.Bad, Of: f.Lines, Text: text,
			Remedy: "look at them with Config.ShowLines"})
	}
	if f.Overflow > 0 {
		add(Finding{
			Kind: Overflow, Severity: severe(f.Overflow, f.Lines, 0, 0.05), File: file, Count: f.Overflow, Of: f.Lines,
			Text:   fmt.Sprintf("%d of the bad lines of %s have a time over 146 years from the first one's", f.Overflow, file),
			Remedy: "check Config.TimeUnit",
		})
	}
	if f.NoKey > 0 {
		add(Finding{Kind: NoKeys, Severity: Note, File: file, Count: f.NoKey, Of: f.Lines,
			Text: fmt.Sprintf("%d of %d lines of %s (%s) ask for nothing and are left out", f.NoKey, f.Lines, file, share(f.NoKey, f.Lines))})
	}
	if f.OutOfOrder > 0 {
		add(Finding{Kind: OutOfOrder, Severity: Note, File: file, Count: f.OutOfOrder, Of: f.Records,
			Text: fmt.Sprintf("%d records of %s (%s) are earlier than one before them and were put in order", f.OutOfOrder, file, share(f.OutOfOrder, f.Records))})
	}
	if n := f.Duplicates; n > 0 {
		add(Finding{
			Kind: Duplicates, Severity: severe(n, f.Records+n, 0.01, 2), File: file, Count: n, Of: f.Records + n,
			Text: fmt.Sprintf("%d records of %s (%s) are there twice by their identity, as when a capture sees packets at two places: only the first of each is used, unless Config.KeepDuplicates says otherwise",
				n, file, share(n, f.Records+n)),
		})
	}
	if f.EndOnly > 0 {
		add(Finding{
			Kind: EndOnly, Severity: Caution, File: file, Count: f.EndOnly, Of: f.Records,
			Text:   fmt.Sprintf("the times of %s may be when a request was over (nginx writes that, Apache when it came in), and %d records have no duration that could be subtracted", file, f.EndOnly),
			Remedy: "log the duration as well ($request_time, %D), or set Config.Stamp to Begin",
		})
	}
	if f.Guess.Stamp == End && f.Durations > f.EndOnly && f.Durations > 0 {
		add(Finding{Kind: EndShifted, Severity: Note, File: file, Count: f.Durations, Of: f.Records,
			Text: "the times of " + file + " are when a request was over; its duration was subtracted"})
	}
	if f.Repeats > 0 {
		add(Finding{Kind: Repeated, Severity: Caution, File: file, Count: f.Repeats, Of: f.Records,
			Text: fmt.Sprintf("%d records of %s stand in lines that sum up several accesses, and were all given the line's time", f.Repeats, file)})
	}
	for _, a := range f.Guess.Assumed {
		add(Finding{Kind: AssumedUnits, Severity: Caution, File: file, Text: file + ": " + a})
	}
}

// fewMinutes is in how few minutes of the hour all records look odd.
const fewMinutes = 6

// suspiciousShare is from which share of records that are alike it is said.
const suspiciousShare = 0.01

func (s *Source) resolutionFindings(sum *Summary, add func(Finding)) {
	r := sum.Resolution
	var suspected uint64
	for i := range sum.Files {
		suspected += sum.Files[i].Suspected
	}
	fine := r.Tick > 0 && r.Tick <= 10*time.Microsecond
	if suspected > 0 && s.cfg.DropAlike {
		add(Finding{
			Kind: Suspected, Severity: Caution, Count: suspected, Of: sum.Records + suspected, Value: suspectGap,
			Text: fmt.Sprintf("%d records (%s) were like another in all but the time and within %v of it, and were left out",
				suspected, share(suspected, sum.Records+suspected), time.Duration(suspectGap)),
		})
	} else if fine && float64(suspected) > suspiciousShare*float64(sum.Records) {
		add(Finding{
			Kind: Suspected, Severity: Serious, Count: suspected, Of: sum.Records, Value: suspectGap,
			Text: fmt.Sprintf("%d records (%s) are of the same key and client as another and alike within %v of it: they may have been captured twice",
				suspected, share(suspected, sum.Records), time.Duration(suspectGap)),
			Remedy: "name what tells accesses apart in Config.Columns.Identity, or leave such out with Config.DropAlike",
		})
	}
	if minutes, n, all := s.hours.busy(); minutes > 0 && minutes <= fewMinutes && all >= 100 && sum.Span >= 6*time.Hour {
		add(Finding{
			Kind: FewMinutes, Severity: Serious, Count: n, Of: all,
			Text: fmt.Sprintf("%s of the records are in %d of the 60 minutes of their hours, over %v: either all comes then, or times were changed and what was an hour is squeezed into that",
				share(n, all), minutes, sum.Span.Round(time.Hour)),
			Remedy: "find out which; in the second case rates and overlaps are far too high",
		})
	}
	switch {
	case sum.Records > 1 && sum.Span == 0:
		add(Finding{Kind: OneInstant, Severity: Serious, Count: sum.Records, Of: sum.Records,
			Text: fmt.Sprintf("all %d records have the same time: nothing can be said of what happened at once", sum.Records), Remedy: "check Config.Columns.Time"})
	case r.Batched:
		add(Finding{
			Kind: BatchedStamps, Severity: Serious, Count: uint64(r.Ties * float64(sum.Records)), Of: sum.Records, Value: r.Tick,
			Text: fmt.Sprintf("times are written in steps of %v but come in batches: %.0f %% of records share the time of the one before, and other gaps are mostly over %v. They are known to about that, not to %v",
				r.Step, 100*r.Ties, r.Tick, r.Step),
			Remedy: "log when each access began; figures are bounds",
		})
	case r.Tick >= time.Millisecond:
		severity := Caution
		if r.Tick <= time.Millisecond { // few loads are faster
			severity = Note
		}
		add(Finding{
			Kind: CoarseStamps, Severity: severity, Count: uint64(r.Ties * float64(sum.Records)), Of: sum.Records, Value: r.Tick,
			Text: fmt.Sprintf("times are known to %v: what happens within that cannot be told apart, and %.0f %% of records share the time of the one before",
				r.Tick, 100*r.Ties),
			Remedy: "with a loader faster than that, figures are bounds; log finer times ($msec, %{usec_frac}t)",
		})
	}
}

func (s *Source) cacheFindings(sum *Summary, add func(Finding)) {
	c := s.statuses.cache
	hits := c[Hit] + c[Stale]
	said := hits + c[Miss] + c[Bypass]
	switch {
	case said == 0:
	case hits == 0:
		add(Finding{
			Kind: BehindCache, Severity: Serious, Count: said, Of: sum.Records,
			Text:   fmt.Sprintf("a cache said of %d records that they were no hits, and of none that it was: hits were filtered out, so this is the stream behind that cache", said),
			Remedy: "use the log in front of the cache to judge a cache in its place; this one only for a cache behind it",
		})
	default:
		add(Finding{
			Kind: CacheInFront, Severity: Caution, Count: hits, Of: said,
			Text:   fmt.Sprintf("a cache answered %d of %d records (%s) already: this is the stream in front of it, and the source saw only the rest", hits, said, share(hits, said)),
			Remedy: "figures are for a cache in that one's place; for one behind it, use the records that missed",
		})
	}
	if n := s.statuses.notModified; n*20 > s.statuses.answered && n > 0 {
		add(Finding{
			Kind: CacheInFront, Severity: Note, Count: n, Of: s.statuses.answered,
			Text: fmt.Sprintf("%s of answers are 304: clients have caches of their own, whose hits are not in the log", share(n, s.statuses.answered)),
		})
	}
}
