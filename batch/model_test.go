package batch_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/batch"
	"pgregory.net/rapid"
)

const modelMaxKeys = 3

var (
	errDown = errors.New("down")
	errKey  = errors.New("locked")
)

// A reply is how a load ends.
type reply struct {
	n       int // values are 100 n and the key
	all     error
	panics  bool
	absent  int // this key has no value
	failing int // this key has an error
}

func (r reply) of(key int) string {
	switch {
	case r.panics:
		return "panic"
	case r.all != nil:
		return r.all.Error()
	case key == r.failing:
		return errKey.Error()
	case key == r.absent:
		return onefold.ErrNotFound.Error()
	}
	return fmt.Sprint(100*r.n + key)
}

// A history is a Loader and what must be seen of it: it has a list of all
// flights, and looks at each of them for each step.
type history struct {
	*rapid.T
	loader  *batch.Loader[int, int]
	finish  bool // loads are finished without callers
	started chan *modelLoad

	loads   []*modelLoad // that run
	flights []*modelFlight
	callers []*modelCaller
	led     int
	joined  int
}

type modelLoad struct {
	keys  string
	ctx   context.Context
	reply chan reply
}

type modelFlight struct {
	key     int
	keys    string // of its load
	load    *modelLoad
	current bool
	over    bool
	waiting []place
}

// A place is one position of a caller's keys.
type place struct {
	caller *modelCaller
	i      int
	led    bool
}

type modelCaller struct {
	cancel  context.CancelFunc
	want    []string // one a key; empty: it waits
	got     []string // nil: it has not returned
	results chan []onefold.Result[int]
}

func (h *history) load(ctx context.Context, keys []int) (map[int]int, error) {
	l := &modelLoad{keys: fmt.Sprint(keys), ctx: ctx, reply: make(chan reply)}
	h.started <- l
	r := <-l.reply
	if r.panics {
		panic("jam")
	}
	values, failed := make(map[int]int), make(batch.KeyErrors[int])
	for _, key := range keys {
		switch key {
		case r.failing:
			failed[key] = errKey
		case r.absent:
		default:
			values[key] = 100*r.n + key
		}
	}
	if r.all != nil {
		return values, r.all
	}
	return values, failed
}

// call is a LoadMany, or a Load.
func (h *history) call(single bool) {
	keys := rapid.SliceOfN(rapid.IntRange(0, 4), 1, 6).Draw(h.T, "keys")
	if single {
		keys = keys[:1]
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &modelCaller{cancel: cancel, want: make([]string, len(keys)), results: make(chan []onefold.Result[int], 1)}
	h.callers = append(h.callers, c)
	go func() {
		if single {
			c.results <- []onefold.Result[int]{h.loader.LoadResult(ctx, keys[0], onefold.Call{})}
		} else {
			c.results <- h.loader.LoadMany(ctx, keys)
		}
	}()

	var led []*modelFlight
	for i, key := range keys {
		at := slices.IndexFunc(h.flights, func(f *modelFlight) bool { return f.current && f.key == key })
		if at < 0 {
			f := &modelFlight{key: key, current: true, waiting: []place{{c, i, true}}}
			h.flights, led = append(h.flights, f), append(led, f)
			h.led++
			continue
		}
		h.flights[at].waiting = append(h.flights[at].waiting, place{c, i, false})
		h.joined++
	}
	synctest.Wait()
	for chunk := range slices.Chunk(led, modelMaxKeys) {
		var keys []int
		for _, f := range chunk {
			keys = append(keys, f.key)
		}
		for _, f := range chunk {
			f.keys = fmt.Sprint(keys)
		}
	}
	for len(h.started) > 0 {
		l := <-h.started
		h.loads = append(h.loads, l)
		for _, f := range led {
			if f.keys == l.keys {
				f.load = l
			}
		}
	}
	for _, f := range led {
		if f.load == nil {
			h.Fatalf("no load of %s", f.keys)
		}
	}
}

func (h *history) end(l *modelLoad, r reply) {
	l.reply <- r
	h.loads = slices.DeleteFunc(h.loads, func(other *modelLoad) bool { return other == l })
	for _, f := range h.flights {
		if f.load != l || f.over {
			continue
		}
		f.over, f.current = true, false
		for _, p := range f.waiting {
			outcome := "joined"
			if p.led {
				outcome = "led"
			}
			v := r.of(f.key)
			if r.panics || r.all != nil || v == errKey.Error() || v == onefold.ErrNotFound.Error() {
				outcome = "failed"
			}
			p.caller.want[p.i] = fmt.Sprintf("%s %s %d", outcome, v, len(f.waiting))
		}
	}
}

func (h *history) leave(c *modelCaller) {
	c.cancel()
	for _, f := range h.flights {
		if f.over {
			continue
		}
		f.waiting = slices.DeleteFunc(f.waiting, func(p place) bool { return p.caller == c })
		if len(f.waiting) == 0 && !h.finish {
			f.over, f.current = true, false
		}
	}
	for i := range c.want {
		if c.want[i] == "" {
			c.want[i] = "failed context canceled 0"
		}
	}
}

// check compares what is there with what must be.
func (h *history) check() {
	synctest.Wait()
	for i, c := range h.callers {
		select {
		case results := <-c.results:
			for _, r := range results {
				value := fmt.Sprint(r.Value)
				if errors.As(r.Err, new(*onefold.PanicError)) {
					value = "panic"
				} else if r.Err != nil {
					value = r.Err.Error()
				}
				c.got = append(c.got, fmt.Sprintf("%s %s %d", r.Outcome, value, r.Callers))
			}
		default:
		}
		want := c.want
		if slices.Contains(want, "") {
			want = nil // it waits for that one
		}
		if !slices.Equal(c.got, want) {
			h.Fatalf("caller %d got %q, want %q", i, c.got, want)
		}
	}
	for _, l := range h.loads {
		wanted := slices.ContainsFunc(h.flights, func(f *modelFlight) bool { return f.load == l && !f.over })
		if ended := l.ctx.Err() != nil; ended == wanted {
			h.Fatalf("the context of a load of %s has ended: %v, want %v", l.keys, ended, !wanted)
		}
	}
	loading := 0
	for _, f := range h.flights {
		if f.current {
			loading++
		}
	}
	if s := h.loader.Stats(); s.Loading != loading || int(s.Led) != h.led || int(s.Joined) != h.joined {
		h.Fatalf("Stats = %+v, want %d loading, %d led, %d joined", s, loading, h.led, h.joined)
	}
}

// SPEC: B01, B02, N13, G03, G07, G08, G11, G12, G14, G26, G35
func TestLoaderFollowsTheModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) { // a failure prints its seed
		synctest.Test(t, func(*testing.T) {
			h := &history{T: rt, started: make(chan *modelLoad, 100), finish: rapid.Bool().Draw(rt, "finish")}
			cfg := batch.Config{MaxKeys: modelMaxKeys, Config: onefold.Config{OnPanic: onefold.ReturnPanic}}
			if h.finish {
				cfg.OnAbandon = onefold.FinishLoad
			}
			var err error
			if h.loader, err = batch.NewLoader(h.load, cfg); err != nil {
				rt.Fatal(err)
			}
			defer func() {
				for _, l := range h.loads {
					l.reply <- reply{panics: true}
				}
				synctest.Wait()
			}()
			for n := range rapid.IntRange(5, 25).Draw(rt, "steps") {
				switch step := rapid.SampledFrom(strings.Fields("many many one end end leave forget")).Draw(rt, "step"); step {
				case "many", "one":
					h.call(step == "one")
				case "end":
					if len(h.loads) > 0 {
						r := reply{n: n + 1, panics: rapid.IntRange(0, 9).Draw(rt, "panics") == 9, absent: rapid.IntRange(0, 8).Draw(rt, "absent"), failing: rapid.IntRange(0, 8).Draw(rt, "failing")}
						if rapid.IntRange(0, 9).Draw(rt, "down") == 9 {
							r.all = errDown
						}
						h.end(rapid.SampledFrom(h.loads).Draw(rt, "load"), r)
					}
				case "leave":
					if len(h.callers) > 0 {
						if c := rapid.SampledFrom(h.callers).Draw(rt, "caller"); c.got == nil {
							h.leave(c)
						}
					}
				case "forget":
					key := rapid.IntRange(0, 4).Draw(rt, "key")
					h.loader.Forget(key)
					for _, f := range h.flights {
						if f.key == key {
							f.current = false
						}
					}
				}
				h.check()
			}
			for len(h.loads) > 0 {
				h.end(h.loads[0], reply{n: 99, absent: -1, failing: -1})
				h.check()
			}
		})
	})
}
