package record_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/record"
)

// lines reads a recording as CSV, by the names of its columns.
func lines(t *testing.T, text string) (all []map[string]string) {
	t.Helper()
	r := csv.NewReader(strings.NewReader(text))
	r.Comment = '#'
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		m := make(map[string]string)
		for i, name := range rows[0] {
			m[name] = row[i]
		}
		all = append(all, m)
	}
	return all
}

func newRecorder(t *testing.T, w io.Writer, cfg record.Config) *record.Recorder {
	t.Helper()
	r, err := record.New(w, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRecordsCallsAndLoads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var file bytes.Buffer
		r := newRecorder(t, &file, record.Config{})
		var told atomic.Int64
		g := onefold.Group[string, int]{Config: onefold.Config{Name: `users, "all"`, Hooks: r.Hooks(onefold.Hooks{Call: func(onefold.Event) { told.Add(1) }})}}
		start := time.Now()
		load := func(context.Context, string) (int, error) { time.Sleep(time.Second); return 1, nil }
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = g.Do(context.Background(), "a", load) })
		wg.Go(func() {
			time.Sleep(400 * time.Millisecond)
			_, _ = g.Do(context.Background(), "a", load)
		})
		wg.Wait()
		_, _ = g.Do(context.Background(), "b", func(context.Context, string) (int, error) { return 0, errors.New("down") })
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		got := make(map[string]int)
		for _, l := range lines(t, file.String()) {
			ns, err := strconv.ParseInt(l["time"], 10, 64)
			if err != nil || l["name"] != `users, "all"` || l["weight"] != "1" || len(l["key"]) < 8 {
				t.Errorf("a line has %v", l)
			}
			d, _ := strconv.ParseInt(l["duration"], 10, 64)
			got[fmt.Sprint(l["event"], " ", l["outcome"], " at ", time.Duration(ns-start.UnixNano()), " for ", time.Duration(d))]++
		}
		want := []string{
			"call led at 0s for 1s", "call joined at 400ms for 600ms", "load led at 0s for 1s",
			"call failed at 1s for 0s", "load failed at 1s for 0s",
		}
		for _, w := range want {
			if got[w] != 1 {
				t.Errorf("%q is there %d times, want once; there are %v", w, got[w], got)
			}
		}
		if len(got) != len(want) || told.Load() != 3 {
			t.Errorf("%d kinds of lines, want %d; the other hook was told %d times, want 3", len(got), len(want), told.Load())
		}
		if s := r.Stats(); s.Written != 5 || s.Dropped != 0 || s.Skipped != 0 {
			t.Errorf("Stats = %+v", s)
		}
	})
}

// event is a call that no group made: a key asked for n times is n of these.
func event(key uint64) onefold.Event {
	return onefold.Event{Name: "x", KeyHash: key, Outcome: onefold.Hit}
}

// Many keys: those asked for most in full, a share of the others by their digests.
func TestTheHeadIsRecordedInFullAndTheTailByShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		random := rand.New(rand.NewPCG(seed, 1))
		var file bytes.Buffer
		r := newRecorder(t, &file, record.Config{HeadKeys: 100, TailShare: 0.25})
		h := r.Hooks(onefold.Hooks{})
		head, tail := make([]uint64, 50), make([]uint64, 5000)
		for i := range head {
			head[i] = random.Uint64()
		}
		for i := range tail {
			tail[i] = random.Uint64()
		}
		round := func() {
			for _, k := range head {
				for range 40 {
					h.Call(event(k))
				}
			}
			for _, k := range tail {
				h.Call(event(k))
			}
			time.Sleep(2 * time.Second)
		}
		round() // in which the head is found
		round()
		synctest.Wait() // nobody writes now
		file.Reset()
		round()
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		seen := make(map[string]int)
		var sum float64
		for _, l := range lines(t, record.Header+"\n"+file.String()) {
			seen[l["key"]]++
			w, _ := strconv.ParseFloat(l["weight"], 64)
			sum += w
		}
		for _, k := range head {
			if n := seen[strconv.FormatUint(k, 16)]; n != 40 {
				t.Fatalf("a key asked for 40 times is there %d times", n)
			}
		}
		// About 5,000 keys of the tail at a quarter: 1,250 with a deviation of 31.
		if n := len(seen) - len(head); n < 1050 || n > 1550 {
			t.Errorf("%d keys of the tail are recorded, want about 1250", n)
		}
		if asked := 50.0*40 + 5000; sum < asked*0.85 || sum > asked*1.15 {
			t.Errorf("the weights sum up to %.0f calls, want about %.0f", sum, asked)
		}
	})
}

// slow is a writer that takes what it is given when it is let.
type slow struct{ let chan struct{} }

func (s slow) Write(p []byte) (int, error) { <-s.let; return len(p), nil }

func TestAFullBufferDropsAndCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := slow{make(chan struct{})}
		r := newRecorder(t, w, record.Config{Buffer: 160})
		h := r.Hooks(onefold.Hooks{})
		h.Call(event(1))
		time.Sleep(time.Second) // the goroutine hangs in Write
		for range 10_000 {
			h.Call(event(1))
		}
		if d := r.Stats().Dropped; d < 10_000-161 || d >= 10_000 {
			t.Errorf("%d events of 10,000 dropped with a buffer for 160", d)
		}
		close(w.let)
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if s := r.Stats(); s.Written+s.Dropped != 10_001 {
			t.Errorf("Stats = %+v, want 10,001 events together", s)
		}
	})
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestAFailingWriterEndsTheRecording(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder(t, broken{}, record.Config{})
		h := r.Hooks(onefold.Hooks{})
		h.Call(event(1))
		time.Sleep(time.Second)
		h.Call(event(1))
		for range 2 {
			if err := r.Close(); err == nil || err.Error() != "record: disk full" {
				t.Errorf("Close = %v, want record: disk full", err)
			}
		}
		if d := r.Stats().Dropped; d == 0 {
			t.Error("nothing was dropped")
		}
	})
}

func TestConcurrentCallsAreAllRecorded(t *testing.T) {
	var file bytes.Buffer
	r := newRecorder(t, &file, record.Config{})
	h := r.Hooks(onefold.Hooks{})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 1000 {
				h.Call(event(uint64(g*1000 + i)))
			}
		})
	}
	wg.Wait()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if n := len(lines(t, file.String())); uint64(n)+r.Stats().Dropped+r.Stats().Skipped != 8000 {
		t.Errorf("%d lines and %+v, want 8000 together", n, r.Stats())
	}
}

func TestConfigIsValidated(t *testing.T) {
	_, err := record.New(nil, record.Config{HeadKeys: -1, TailShare: 2, Buffer: -3})
	want := "record: Config.HeadKeys is -1, want 0 (4096) or more\n" +
		"record: Config.TailShare is 2, want 0 (1/16) to 1\n" +
		"record: Config.Buffer is -3, want 0 (65536) or more\n" +
		"record: nil writer"
	if err == nil || err.Error() != want {
		t.Errorf("New = %v, want %s", err, want)
	}
}

func ExampleRecorder() {
	var file bytes.Buffer // a file
	recorder, err := record.New(&file, record.Config{})
	if err != nil {
		panic(err)
	}
	users := onefold.Group[int, string]{Config: onefold.Config{Name: "users", Hooks: recorder.Hooks(onefold.Hooks{})}}
	_, _ = users.Do(context.Background(), 7, func(context.Context, int) (string, error) { return "ada", nil })
	if err := recorder.Close(); err != nil {
		panic(err)
	}
	fmt.Println(strings.Count(file.String(), ",call,led,"), "call and", strings.Count(file.String(), ",load,led,"), "load")
	// Output: 1 call and 1 load
}
