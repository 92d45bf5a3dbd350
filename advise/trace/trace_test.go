package trace_test

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/onefold-go/onefold/advise/trace"
	"github.com/onefold-go/onefold/advise/trace/tracegen"
)

// open reads text as a file called "input".
func open(t testing.TB, text string, cfg trace.Config) *trace.Source {
	t.Helper()
	s, err := trace.OpenReaders([]trace.Input{{Name: "input", Reader: strings.NewReader(text)}}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// all reads a source to its end, in batches of odd sizes.
func all(t testing.TB, s *trace.Source) []trace.Record {
	t.Helper()
	out, err := drain(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func drain(s *trace.Source) ([]trace.Record, error) {
	var out []trace.Record
	batch := make([]trace.Record, 1000)
	for size := 1; ; size = size*7%1000 + 1 {
		n, err := s.Read(batch[:size])
		out = append(out, batch[:n]...)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
	}
}

// generate gives a workload as text.
func generate(t testing.TB, f trace.Format, d tracegen.Dialect, w tracegen.Workload) string {
	t.Helper()
	var b bytes.Buffer
	if err := tracegen.Write(&b, f, d, w); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// formatted are all formats that are generated, and what each keeps.
var formatted = []struct {
	format  trace.Format
	dialect tracegen.Dialect
	step    time.Duration // its resolution
	ops     bool          // tells what was done
	loads   time.Duration // the resolution of durations; 0 for none
	ttl     bool
	size    bool
	client  bool
}{
	{format: trace.CSV, step: 1, ops: true, loads: 1, size: true, client: true},
	{format: trace.CSV, dialect: tracegen.Plain, step: 1},
	{format: trace.CSV, dialect: tracegen.TSV, step: time.Second, ops: true, size: true, client: true},
	{format: trace.JSONL, step: 1, ops: true, loads: 1, size: true, client: true},
	{format: trace.Common, step: time.Second, ops: true, size: true, client: true},
	{format: trace.Combined, step: time.Second, ops: true, size: true, client: true},
	{format: trace.Envoy, step: time.Millisecond, ops: true, loads: time.Millisecond, size: true, client: true},
	{format: trace.EnvoyJSON, step: time.Millisecond, ops: true, loads: time.Millisecond, size: true, client: true},
	{format: trace.ALB, step: time.Microsecond, ops: true, loads: time.Microsecond, size: true, client: true},
	{format: trace.RedisMonitor, step: time.Microsecond, ops: true, ttl: true, client: true},
	{format: trace.MemcachedWatch, step: time.Microsecond, ttl: true, ops: true, size: true},
	{format: trace.Twitter, step: time.Second, ops: true, ttl: true, size: true, client: true},
	{format: trace.OracleGeneral, step: time.Second, size: true},
	{format: trace.CacheSimCSV, step: time.Microsecond, ops: true},
	{format: trace.CacheSimCSV, dialect: tracegen.Arc, step: time.Second, size: true},
	{format: trace.MetaKV, step: time.Second, ops: true, size: true},
	{format: trace.IBMObjects, step: time.Millisecond, ops: true, size: true},
	{format: trace.Zeek, step: time.Microsecond, loads: 1, client: true},
	{format: trace.Zeek, dialect: tracegen.HTTP, step: time.Microsecond, ops: true, size: true, client: true},
	{format: trace.OTLP, step: 1, loads: 1},
	{format: trace.OpenStack, step: time.Millisecond, ops: true, loads: 100, size: true, client: true},
}

func TestEachFormatIsFoundOutAndReadBack(t *testing.T) {
	w := tracegen.Workload{
		Seed: 1, Requests: 3000, Keys: 300, Skew: 0.9, Clients: 70, Writes: 0.1, TTL: 90 * time.Second,
		Load: tracegen.LogNormal(20*time.Millisecond, 400*time.Millisecond),
	}
	var want []tracegen.Access
	for a := range w.All() {
		want = append(want, a)
	}
	for _, f := range formatted {
		t.Run(f.format.String()+string(f.dialect), func(t *testing.T) {
			s := open(t, generate(t, f.format, f.dialect, w), trace.Config{Seed: 7})
			g := s.Guesses()[0]
			if g.Format != f.format {
				t.Fatalf("it is taken for %v: %v", g.Format, g)
			}
			got := all(t, s)
			if len(got) != len(want) {
				t.Fatalf("%d records, want %d; %+v", len(got), len(want), s.Summary().Files)
			}
			if f.format == trace.OpenStack {
				// Times were ends cut to a millisecond, so that those that are
				// close may change places.
				slices.SortStableFunc(want, func(a, b tracegen.Access) int {
					return int((a.At + a.Load).Truncate(f.step) - a.Load.Truncate(f.loads) - (b.At + b.Load).Truncate(f.step) + b.Load.Truncate(f.loads))
				})
				defer slices.SortFunc(want, func(a, b tracegen.Access) int { return a.N - b.N })
			}
			keys, clients := make(map[int]uint64), make(map[int]uint64)
			first := want[0].At
			for i, r := range got {
				a := want[i]
				if k, ok := keys[a.Key]; ok && k != r.Key {
					t.Fatalf("record %d: key %d has two hashes", i, a.Key)
				}
				keys[a.Key] = r.Key
				if f.format != trace.OpenStack {
					if at := a.At.Truncate(f.step) - first.Truncate(f.step); time.Duration(r.Time) != at {
						t.Fatalf("record %d is at %v, want %v", i, time.Duration(r.Time), at)
					}
				}
				if f.ops && r.Op != a.Op {
					t.Fatalf("record %d is a %v, want a %v", i, r.Op, a.Op)
				}
				if want := int64(a.Load.Truncate(max(f.loads, 1))); f.loads > 0 && r.Duration != want {
					t.Fatalf("record %d took %d, want %d", i, r.Duration, want)
				}
				if f.loads == 0 && r.Duration != trace.Unknown {
					t.Fatalf("record %d took %d, and the format has no durations", i, r.Duration)
				}
				if f.ttl && (a.Op == trace.Write) != (r.TTL == int64(w.TTL)) {
					t.Fatalf("record %d, a %v, has the TTL %d", i, a.Op, r.TTL)
				}
				if f.size && r.Size != int64(a.Size) {
					t.Fatalf("record %d has the size %d, want %d", i, r.Size, a.Size)
				}
				if f.client {
					if c, ok := clients[a.Client]; ok && c != r.Client || r.Client == 0 {
						t.Fatalf("record %d: client %d has two hashes, or none", i, a.Client)
					}
					clients[a.Client] = r.Client
				}
			}
			if n := len(maps.Collect(swap(keys))); n != len(keys) {
				t.Errorf("%d keys have %d hashes", len(keys), n)
			}
			if k := s.Summary().Keys; !k.Exact || f.ops && k.Reads >= uint64(len(want)) {
				t.Errorf("the summary has %+v", k)
			}
			if n := s.Summary().Files[0].Bad; n > 0 {
				t.Errorf("%d bad lines: %v", n, s.Summary().Files[0].FirstBad)
			}
		})
	}
}

func swap(m map[int]uint64) func(func(uint64, int) bool) {
	return func(yield func(uint64, int) bool) {
		for k, v := range m {
			if !yield(v, k) {
				return
			}
		}
	}
}

func TestSameSeedGivesTheSameHashesAndNoSeedDoesNot(t *testing.T) {
	text := generate(t, trace.CSV, "", tracegen.Workload{Requests: 50})
	a := all(t, open(t, text, trace.Config{Seed: 3}))
	b := all(t, open(t, text, trace.Config{Seed: 3}))
	if !slices.Equal(a, b) {
		t.Error("two readings with one seed differ")
	}
	c := all(t, open(t, text, trace.Config{}))
	d := all(t, open(t, text, trace.Config{}))
	if a[0].Key == c[0].Key || c[0].Key == d[0].Key {
		t.Error("hashes are the same without a seed")
	}
}

func TestFilesAreMergedByTime(t *testing.T) {
	w := tracegen.Workload{Seed: 5, Requests: 5000, Keys: 50, Rate: 100}
	whole := all(t, open(t, generate(t, trace.JSONL, "", w), trace.Config{Seed: 1}))

	// Accesses go to three files in three formats, the last of which begins
	// first.
	r := rand.New(rand.NewPCG(1, 1))
	lines := slices.Collect(strings.Lines(generate(t, trace.JSONL, "", w)))
	csv := slices.Collect(strings.Lines(generate(t, trace.CSV, "", w)))
	files := [3]string{1: csv[0]}
	for i, line := range lines {
		switch f := 2; {
		case i == 0:
			files[f] += line
		default:
			if f = r.IntN(3); f == 1 {
				line = csv[i+1]
			}
			files[f] += line
		}
	}
	dir := t.TempDir()
	var paths []string
	for i, text := range files {
		p := filepath.Join(dir, string(rune('a'+i)))
		if i == 0 {
			text = gzipped(t, text)
		}
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, p)
	}
	s, err := trace.Open(paths, trace.Config{Seed: 1, Digest: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := all(t, s); !slices.Equal(got, whole) {
		t.Errorf("merged records differ from those of one file: %d and %d", len(got), len(whole))
	}
	if at := s.Start(); !at.Equal(time.Date(2026, 1, 1, 0, 0, 0, int(at.Nanosecond()), time.UTC)) {
		t.Errorf("the start is %v", at)
	}
	read, total := s.Progress()
	if read != total || total == 0 {
		t.Errorf("progress is %d of %d at the end", read, total)
	}
	for _, f := range s.Summary().Files {
		if len(f.Digest) != 64 || f.Bytes == 0 {
			t.Errorf("the digest of a file of %d bytes is %q", f.Bytes, f.Digest)
		}
	}
}

func TestFilesThatCannotBeMergedAreRefused(t *testing.T) {
	dates := generate(t, trace.CSV, "", tracegen.Workload{Requests: 20})
	counts := generate(t, trace.IBMObjects, "", tracegen.Workload{Requests: 20})
	_, err := trace.OpenReaders([]trace.Input{{Name: "dates", Reader: strings.NewReader(dates)}, {Name: "counts", Reader: strings.NewReader(counts)}}, trace.Config{})
	if err == nil || !strings.Contains(err.Error(), "cannot be merged") {
		t.Errorf("the error is %v", err)
	}
}

func TestOpsAreFiltered(t *testing.T) {
	w := tracegen.Workload{Seed: 1, Requests: 1000, Writes: 0.3, Deletes: 0.1}
	counts := make(map[trace.Op]int)
	for a := range w.All() {
		counts[a.Op]++
	}
	s := open(t, generate(t, trace.CSV, "", w), trace.Config{Ops: []string{"GET", "Delete"}})
	got := all(t, s)
	if want := counts[trace.Read] + counts[trace.Delete]; len(got) != want {
		t.Errorf("%d records, want %d", len(got), want)
	}
	if n := s.Summary().Files[0].Filtered; n != uint64(counts[trace.Write]) {
		t.Errorf("%d are filtered, want %d", n, counts[trace.Write])
	}
}

func TestNamesOfTheKeysAskedForMost(t *testing.T) {
	w := tracegen.Workload{Seed: 1, Requests: 10_000, Keys: 5000, Skew: 1.2}
	counts := make(map[int]uint64)
	for a := range w.All() {
		counts[a.Key]++
	}
	s := open(t, generate(t, trace.Combined, "", w), trace.Config{Names: 3})
	if len(s.Summary().Names) > 0 {
		t.Error("there are names before the first record")
	}
	all(t, s)
	got := s.Summary().Names
	want := []string{"/items/0", "/items/1", "/items/2"}
	for i, n := range got {
		if n.Text != want[i] || n.Count-n.Error > counts[i] || n.Count < counts[i] {
			t.Errorf("name %d is %+v, want %s with %d", i, n, want[i], counts[i])
		}
	}
	if len(got) != 3 {
		t.Errorf("%d names, want 3", len(got))
	}

	s = open(t, generate(t, trace.Combined, "", w), trace.Config{})
	all(t, s)
	if s.Summary().Names != nil {
		t.Error("names were kept although none were asked for")
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		paths []string
		cfg   trace.Config
		want  string
	}{
		{nil, trace.Config{}, "no file"},
		{[]string{"-", "-"}, trace.Config{}, "named twice"},
		{[]string{"/does/not/exist"}, trace.Config{}, "/does/not/exist"},
		{[]string{t.TempDir()}, trace.Config{}, "is a directory"},
		{[]string{"a", "b"}, trace.Config{MaxFiles: 1}, "MaxFiles is 1"},
		{[]string{"a"}, trace.Config{Format: 99}, "Config.Format is 99"},
		{[]string{"a"}, trace.Config{TimeUnit: time.Hour}, "Config.TimeUnit is 1h0m0s"},
		{[]string{"a"}, trace.Config{Reorder: -1}, "Config.Reorder is -1"},
		{[]string{"a"}, trace.Config{Stamp: 9}, "Config.Stamp is 9"},
		{[]string{"a"}, trace.Config{Pattern: "(?P<time>"}, "Config.Pattern"},
		{[]string{"a"}, trace.Config{Pattern: "(?P<time>.)"}, "no group (?P<key>"},
		{[]string{"a"}, trace.Config{Pattern: "(?P<key>.)"}, "no group (?P<time>"},
		{[]string{"a"}, trace.Config{Template: "$request"}, "has no time"},
		{[]string{"a"}, trace.Config{Template: "$msec"}, "nothing to be the key"},
		{[]string{"a"}, trace.Config{Template: "$msec$request"}, "nothing between"},
		{[]string{"a"}, trace.Config{Template: "$msec $uri", Pattern: "(?P<key>.)(?P<time>.)"}, "set one"},
		{[]string{"a"}, trace.Config{TimeLayout: "15:04", TimeUnit: 1}, "set one"},
		{[]string{"a"}, trace.Config{Columns: trace.Columns{Key: make([]string, 9)}}, "9 columns"},
	} {
		s, err := trace.Open(c.paths, c.cfg)
		if err == nil {
			s.Close()
			t.Errorf("Open(%q, %+v) gives no error, want one with %q", c.paths, c.cfg, c.want)
			continue
		}
		if !strings.Contains(err.Error(), c.want) {
			t.Errorf("Open(%q, %+v) says %q, want %q in it", c.paths, c.cfg, err, c.want)
		}
	}
}

func TestReadAllocatesNothingForARecord(t *testing.T) {
	for _, f := range []trace.Format{trace.CSV, trace.Combined, trace.JSONL, trace.OracleGeneral, trace.Envoy, trace.Twitter} {
		text := generate(t, f, "", tracegen.Workload{Requests: 20_000, Keys: 100})
		s := open(t, text, trace.Config{Reorder: 256})
		batch := make([]trace.Record, 256)
		n := testing.AllocsPerRun(50, func() {
			if _, err := s.Read(batch); err != nil {
				t.Fatal(err)
			}
		})
		if n > 0 {
			t.Errorf("%v: %v allocations for a batch of 256", f, n)
		}
	}
}
