// Package lab replays one stream of calls against a real source, once for
// each strategy of the catalogue, and measures what each made of it: loads,
// latency, errors, and answers that are wrong.
//
// The replay is open loop: each call begins at its moment, however the ones
// before it fare, and its latency counts from that moment. Every strategy
// meets the same calls, the same callers who give up, and the same writes.
package lab

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"time"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/arrival"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/figures"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/fleet"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/source"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/strategy"
)

// Options say what is replayed, and how. Shares are from 0 to 1.
type Options struct {
	Stream *arrival.Stream
	Source source.Source // stays open
	Kinds  []strategy.Kind

	Processes int    // that run each strategy and share the calls; 0 means 1, this one
	Far       string // the far tier that they share, for strategies that can use one; see strategy.Config

	TTL     time.Duration // of what a strategy stores
	Jitter  float64       // share by which a TTL may be shortened, where the strategy does that
	Timeout time.Duration // of one caller, from its arrival; and of one load, where the strategy bounds it

	Limit      int           // loads that the source runs at once, others wait; 0: no limit
	Cancel     float64       // share of callers that give up
	Invalidate float64       // writes a second, each followed by an invalidation
	Fail       float64       // share of loads that fail
	Slow       float64       // share of loads that take SlowBy longer
	SlowBy     time.Duration // see Slow

	Seed   uint64 // of everything that is drawn at random
	Repeat int    // replays of each strategy; 0 means 1

	// Progress is told of each step before it begins, on the goroutine that
	// called Prepare or Run. Nil: nobody is told.
	Progress func(Step)
}

// A Step is something that takes a while.
type Step struct {
	Title  string
	Replay bool          // of a strategy; otherwise something before it
	Done   int           // replays that are over
	Of     int           // replays in all
	Takes  time.Duration // about; 0: not known
}

// A Lab is ready to replay. Make one with [Prepare]; use it once, from one
// goroutine.
type Lab struct {
	opts     Options
	loadTime time.Duration
	warm     *warmStart
	plan     *plan
	floors   floors
	notes    []string
	started  time.Time
}

// Prepare measures the source undisturbed and loads what is warm when a
// replay starts. Its error is the source's.
func Prepare(ctx context.Context, o Options) (*Lab, error) {
	if len(o.Stream.Calls) == 0 {
		return nil, errors.New("the stream has no calls")
	}
	if len(o.Kinds) == 0 {
		return nil, errors.New("no strategy is chosen")
	}
	o.Repeat = max(o.Repeat, 1)
	l := &Lab{
		opts:    o,
		floors:  make(floors, len(o.Stream.Keys)),
		notes:   append([]string(nil), o.Stream.Notes...),
		started: time.Now(),
	}
	l.prepares("measure the source", 0)
	var err error
	if l.loadTime, err = calibrate(ctx, o.Source, o.Stream.Keys); err != nil {
		return nil, err
	}
	l.plan = newPlan(o.Stream, l.loadTime, o.Cancel, o.Invalidate, o.Seed)

	if n := len(o.Stream.Warm); n > 0 {
		l.prepares("load what is warm at the start", time.Duration(n)*l.loadTime)
	}
	l.warm = newWarmStart(o.Source, o.Stream)
	if err := l.warm.refresh(ctx, l.floors); err != nil {
		return nil, fmt.Errorf("loading what is warm at the start: %w", err)
	}
	if n := l.warm.missing(); n > 0 {
		l.notes = append(l.notes, fmt.Sprintf("%d of %d warm keys are not in the source; they start cold", n, len(o.Stream.Warm)))
	}
	return l, nil
}

// Report is what is known before the replays: the setup and the machine.
func (l *Lab) Report() *figures.Report {
	o := l.opts
	return &figures.Report{
		Schema:  figures.Schema,
		Started: l.started,
		Machine: machine(),
		Setup: figures.Setup{
			Source:     o.Source.String(),
			LoadTime:   l.loadTime,
			Stream:     o.Stream.Title,
			Calls:      len(o.Stream.Calls),
			Keys:       len(o.Stream.Keys),
			Duration:   o.Stream.Duration,
			TTL:        o.TTL,
			Timeout:    o.Timeout,
			Limit:      o.Limit,
			Cancel:     o.Cancel,
			Invalidate: o.Invalidate,
			Fail:       o.Fail,
			Slow:       o.Slow,
			SlowBy:     o.SlowBy,
			Seed:       o.Seed,
			Repeat:     o.Repeat,
			Processes:  o.Processes,
			Far:        withoutPassword(o.Far),
		},
		Notes: l.notes,
	}
}

// Run replays the stream: all strategies once, then all again, Repeat times,
// so that a machine that grows slow or fast meanwhile wrongs none of them.
//
// The report is never nil. When ctx ends it is partial and holds what was
// measured until then; that is not an error. With an error it holds what was
// measured before it.
func (l *Lab) Run(ctx context.Context) (*figures.Report, error) {
	var (
		kinds    = l.opts.Kinds
		measured = make([][]*measurement, len(kinds))
		total    = len(kinds) * l.opts.Repeat
		done     int
		err      error
	)
	for done < total && err == nil && ctx.Err() == nil {
		kind := done % len(kinds)
		l.tell(Step{Title: kinds[kind].Title, Replay: true, Done: done, Of: total, Takes: l.opts.Stream.Duration})
		m, fault := l.replay(ctx, kinds[kind])
		switch {
		case fault == nil:
			measured[kind] = append(measured[kind], m)
		case ctx.Err() == nil:
			err = fmt.Errorf("%s: %w", kinds[kind].Name, fault)
		}
		done++
	}
	r := l.Report()
	r.Partial = err != nil || ctx.Err() != nil
	for i, kind := range kinds {
		if len(measured[i]) > 0 {
			r.Results = append(r.Results, result(kind, measured[i]))
		}
	}
	compare(r.Results)
	r.Notes = append(r.Notes, notes(measured)...)
	r.Notes = append(r.Notes, propagation(r)...)
	r.Sentence = Sentence(r)
	return r, err
}

// replay brings the source and the machine to rest and runs one strategy.
func (l *Lab) replay(ctx context.Context, kind strategy.Kind) (*measurement, error) {
	o := l.opts
	if err := l.warm.refresh(ctx, l.floors); err != nil {
		return nil, fmt.Errorf("loading what is warm at the start: %w", err)
	}
	meter := newMeter(l.troubled().Load, bucketFor(o.Stream.Duration))
	s, err := l.open(kind, meter.Load, strategy.Config{
		TTL:         o.TTL,
		Jitter:      o.Jitter,
		LoadTimeout: o.Timeout,
		Capacity:    max(10_000, 2*len(o.Stream.Keys)), // nothing is evicted
		Seed:        o.Seed,
		Far:         o.Far,
		Space:       rand.Text(), // nothing is left of an earlier replay
	})
	if err != nil {
		return nil, err
	}
	r := &replay{
		stream:   o.Stream,
		plan:     l.plan,
		timeout:  o.Timeout,
		floors:   l.floors,
		update:   o.Source.Update,
		meter:    meter,
		strategy: s,
	}
	runtime.GC() // what earlier replays left is not this one's
	l.warm.put(s)
	return r.run(ctx)
}

// open opens a strategy, in processes of its own where there are to be several.
func (l *Lab) open(kind strategy.Kind, load strategy.Load, cfg strategy.Config) (strategy.Strategy, error) {
	if l.opts.Processes > 1 {
		return fleet.Start(l.opts.Processes, kind.Name, load, cfg)
	}
	return kind.New(load, cfg)
}

// withoutPassword gives a URL as it may be shown.
func withoutPassword(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Redacted()
}

// troubled is the source as the loads of a replay meet it. A slow load holds
// its place among the limited ones, as a slow query holds its connection. Each
// replay gets trouble of the same seed.
func (l *Lab) troubled() source.Source {
	o := l.opts
	s := o.Source
	if o.Fail > 0 || o.Slow > 0 {
		s = source.Trouble(s, source.TroubleOptions{Fail: o.Fail, Slow: o.Slow, SlowBy: o.SlowBy, Seed: o.Seed})
	}
	if o.Limit > 0 {
		s = source.Limit(s, o.Limit)
	}
	return s
}

func (l *Lab) prepares(title string, takes time.Duration) {
	l.tell(Step{Title: title, Of: len(l.opts.Kinds) * l.opts.Repeat, Takes: takes})
}

func (l *Lab) tell(s Step) {
	if l.opts.Progress != nil {
		l.opts.Progress(s)
	}
}
