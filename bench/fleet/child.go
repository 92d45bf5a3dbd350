package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime/pprof"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/onefold-go/onefold/bench/internal/meter"
)

// childEnv is set in the environment of a process of a fleet.
const childEnv = "ONEFOLD_BENCH_FLEET"

// An order is the first line that a process of a fleet reads: what it is to do.
// When it is ready it says so; it begins at the time that the second line has.
type order struct {
	Engine    string `json:"engine"`
	Contender string `json:"contender"`
	Addr      string `json:"addr"`
	Task      task   `json:"task"`
	Plan      plan   `json:"plan"`
	Profile   string `json:"profile,omitempty"`
}

// A report is a line that a process of a fleet writes. The last one is Done.
type report struct {
	Ready   bool   `json:"ready,omitempty"`
	Loading int64  `json:"loading,omitempty"` // when a load began, in a task whose loader is killed
	Done    *done  `json:"done,omitempty"`
	Fault   string `json:"fault,omitempty"`
}

// A done is what a process did.
type done struct {
	Errors     int64         `json:"errors"`
	FirstError string        `json:"first_error,omitempty"`
	Stale      int64         `json:"stale"`  // answers that were older than they may be when they were asked for
	Oldest     time.Duration `json:"oldest"` // age of an answer when it was asked for
	CPU        time.Duration `json:"cpu"`
	Took       sparse        `json:"took"` // of all calls, those with an error too
	Loads      []load        `json:"loads"`
	Rounds     []round       `json:"rounds,omitempty"`
}

// childMain is the main function of a process of a fleet.
func childMain() {
	if err := child(os.Stdin, os.Stdout); err != nil {
		_ = json.NewEncoder(os.Stdout).Encode(report{Fault: err.Error()}) //nolint:errchkjson // or it says nothing, which says it too
		os.Exit(1)
	}
	os.Exit(0)
}

func child(stdin io.Reader, stdout io.Writer) (err error) {
	in := json.NewDecoder(bufio.NewReader(stdin))
	var o order
	if err := in.Decode(&o); err != nil {
		return err
	}
	c, ok := contenderNamed(o.Engine, o.Contender)
	if !ok {
		return fmt.Errorf("no contender %q on %s", o.Contender, o.Engine)
	}
	t, ok := taskNamed(o.Task.Name)
	if !ok {
		return fmt.Errorf("no task %q", o.Task.Name)
	}
	var mu sync.Mutex
	out := json.NewEncoder(stdout)
	tell := func(r report) error {
		mu.Lock()
		defer mu.Unlock()
		return out.Encode(r)
	}

	src := &source{takes: o.Plan.Load}
	s := setting{addr: o.Addr, ttl: o.Plan.TTL, load: src.load, callers: o.Plan.Goroutines}
	if t.kind == kill {
		s.ttl, s.lease = killTTL, o.Plan.Lease
		src.takes = killLoad(o.Plan)
		src.begun = func(string) { _ = tell(report{Loading: time.Now().UnixNano()}) }
	}
	opened, err := c.open(s)
	if err != nil {
		return err
	}
	if opened.close != nil {
		defer func() { err = errors.Join(err, opened.close()) }()
	}
	if err := tell(report{Ready: true}); err != nil {
		return err
	}
	var start int64
	if err := in.Decode(&start); err != nil {
		return err
	}
	begin := time.Unix(0, start)
	time.Sleep(time.Until(begin))

	var d *done
	switch t.kind {
	case wake:
		d = callTogether(o.Plan, opened.get, begin, o.Plan.Rounds)
	case kill:
		d = callTogether(o.Plan, opened.get, begin, 1)
	default:
		if d, err = callOn(o, opened.get, begin); err != nil {
			return err
		}
	}
	d.Loads = src.all()
	return tell(report{Done: d})
}

// A round is what the callers of one process saw of one key.
type round struct {
	Asked int64 `json:"asked"` // when they began
	Last  int64 `json:"last"`  // when the last one had its answer
}

// A tally is what one caller saw.
type tally struct {
	took       histogram
	errors     int64
	firstError error
	stale      int64
	oldest     int64
}

func (t *tally) add(took time.Duration, age int64, tooOld time.Duration, err error) {
	t.took.add(took)
	if err != nil {
		t.errors++
		if t.firstError == nil {
			t.firstError = err
		}
		return
	}
	t.oldest = max(t.oldest, age)
	if age > int64(tooOld) {
		t.stale++
	}
}

func together(tallies []tally) *done {
	var d done
	var took histogram
	for i := range tallies {
		t := &tallies[i]
		took.merge(&t.took)
		d.Errors += t.errors
		d.Stale += t.stale
		d.Oldest = max(d.Oldest, time.Duration(t.oldest))
		if t.firstError != nil && d.FirstError == "" {
			d.FirstError = t.firstError.Error()
		}
	}
	d.Took = took.sparse()
	return &d
}

// callOn has callers call for the time of the plan. What they see counts when
// the time to warm up is over.
func callOn(o order, get getFunc, begin time.Time) (*done, error) {
	p := o.Plan
	keys := make([]string, o.Task.Keys)
	for i := range keys {
		keys[i] = "key/" + strconv.Itoa(i)
	}
	base, from, until := begin.UnixNano(), int64(p.Warm), int64(p.Warm+p.For)
	begin = time.Now().Add(-time.Duration(time.Now().UnixNano() - base)) // with a monotonic clock
	tallies := make([]tally, p.Goroutines)
	var callers sync.WaitGroup
	for i := range tallies {
		t := &tallies[i]
		callers.Go(func() {
			random := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
			ctx := context.Background()
			// One look at the clock for a call: it would cost as much as a hit.
			for asked := int64(time.Since(begin)); asked < until; {
				made, err := get(ctx, keys[random.IntN(len(keys))])
				now := int64(time.Since(begin))
				if asked >= from && now < until {
					t.add(time.Duration(now-asked), base+asked-made, p.TTL+p.Slack, err)
				}
				asked = now
				if o.Task.Think > 0 {
					time.Sleep(o.Task.Think/2 + time.Duration(random.Int64N(int64(o.Task.Think))))
					asked = int64(time.Since(begin))
				}
			}
		})
	}
	time.Sleep(time.Until(begin.Add(p.Warm)))
	if o.Profile != "" {
		f, err := os.Create(o.Profile)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return nil, err
		}
		defer pprof.StopCPUProfile()
	}
	cpu := meter.CPU()
	time.Sleep(time.Until(begin.Add(p.Warm + p.For)))
	cpu = meter.CPU() - cpu
	callers.Wait()
	d := together(tallies)
	d.CPU = cpu
	return d, nil
}

// between is how far rounds are apart, at least.
const between = 400 * time.Millisecond

// callTogether has all callers of all processes ask for a new key at the same
// instant, as many times as there are rounds.
func callTogether(p plan, get getFunc, begin time.Time, rounds int) *done {
	tallies := make([]tally, p.Goroutines)
	seen := make([]round, rounds)
	for i := range seen {
		time.Sleep(time.Until(begin.Add(time.Duration(i) * (p.Load + between))))
		key := keyOfRound(i)
		seen[i].Asked = time.Now().UnixNano()
		ended := make([]int64, p.Goroutines)
		var callers sync.WaitGroup
		for n := range tallies {
			callers.Go(func() {
				asked := time.Now()
				_, err := get(context.Background(), key)
				tallies[n].add(time.Since(asked), 0, p.TTL, err)
				ended[n] = time.Now().UnixNano()
			})
		}
		callers.Wait()
		seen[i].Last = slices.Max(ended)
	}
	d := together(tallies)
	d.Rounds = seen
	return d
}

func keyOfRound(i int) string { return "round/" + strconv.Itoa(i) }
