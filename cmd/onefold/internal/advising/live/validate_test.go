package live_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/advise/sim"
	"github.com/onefold-go/onefold/advise/trace"
	"github.com/onefold-go/onefold/advise/trace/tracegen"
	"github.com/onefold-go/onefold/cmd/onefold/internal/advising/live"
)

var (
	tracesDir = flag.String("traces", "", "directory of traces to validate the forecast on, beside the generated ones")
	page      = flag.String("page", "", "write the comparison into this page, between its marks")
)

// A workload is a trace and what the advisor is told of its service.
type workload struct {
	name   string
	file   string // in -traces; empty for a generated one
	made   tracegen.Workload
	cfg    trace.Config
	ttl    time.Duration
	loader string // empty: as measured
	slo    time.Duration
}

var workloads = []workload{
	{name: "generated: hot keys", made: tracegen.Workload{Seed: 1, Requests: 50_000, Rate: 500, Keys: 500, Skew: 1, Load: tracegen.LogNormal(20*time.Millisecond, 200*time.Millisecond)}, ttl: 5 * time.Second, slo: 50 * time.Millisecond},
	{name: "generated: bursts", made: tracegen.Workload{Seed: 2, Requests: 50_000, Rate: 100, Keys: 5000, Skew: 0.8, BurstEvery: time.Second, BurstSize: 80, BurstWithin: 20 * time.Millisecond, Load: tracegen.LogNormal(20*time.Millisecond, 200*time.Millisecond)}, ttl: 30 * time.Second, slo: 50 * time.Millisecond},
	{name: "DNS queries (Zeek)", file: "zeek-dns.json.gz", ttl: time.Minute, slo: 50 * time.Millisecond},
	{name: "web server, NASA 1995", file: "nasa-http-1995-08-01.tsv.gz", cfg: trace.Config{Ops: []string{"GET"}}, ttl: 5 * time.Minute, loader: "p50=20ms,p99=200ms", slo: 50 * time.Millisecond},
	{name: "web server, Apache 2015", file: "apache-combined-2015-05.log.gz", cfg: trace.Config{Ops: []string{"GET"}}, ttl: 5 * time.Minute, loader: "p50=20ms,p99=200ms", slo: 50 * time.Millisecond},
	{name: "object store, IBM", file: "ibm-object-store-sample.txt.gz", ttl: 5 * time.Minute, loader: "p50=50ms,p99=500ms", slo: 100 * time.Millisecond},
	{name: "block device, CloudPhysics", file: "cloudphysics-block-us.csv.gz", ttl: time.Minute, loader: "5ms", slo: 10 * time.Millisecond},
	{name: "the same, 1 s stamps", file: "cloudphysics-block.oracleGeneral.bin.zst", ttl: time.Minute, loader: "5ms", slo: 10 * time.Millisecond},
	{name: "API server, OpenStack", file: "openstack-nova-2k.log.gz", cfg: trace.Config{Ops: []string{"GET"}}, ttl: 10 * time.Second, slo: 300 * time.Millisecond},
}

func (w *workload) requests(t *testing.T) []live.Request {
	t.Helper()
	cfg := w.cfg
	cfg.Seed = 1
	var source *trace.Source
	var err error
	if w.file == "" {
		var file bytes.Buffer
		if err := tracegen.Write(&file, trace.CSV, tracegen.Recording, w.made); err != nil {
			t.Fatal(err)
		}
		source, err = trace.OpenReaders([]trace.Input{{Name: w.name, Reader: &file}}, cfg)
	} else {
		source, err = trace.Open([]string{filepath.Join(*tracesDir, w.file)}, cfg)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = source.Close() }()
	all, err := live.Requests(source, 1e6)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// The forecast against the library, way by way, on a clock that is exact: what
// differs is how the two define things, and what is drawn at random.
func TestForecast(t *testing.T) {
	var b strings.Builder
	for _, w := range workloads {
		if w.file != "" && *tracesDir == "" {
			continue
		}
		all := w.requests(t)
		setting := sim.Setting{Seed: 1, SLO: w.slo}
		if w.loader != "" {
			l, err := sim.ParseLoader(w.loader)
			if err != nil {
				t.Fatal(err)
			}
			setting.Loader = l
		} else {
			l, err := live.Measured(all)
			if err != nil {
				t.Fatal(err)
			}
			setting.Loader = l
		}
		fmt.Fprintf(&b, "\n### %s\n\n%d records over %v; TTL %v, loads %s, SLO %v.\n\n", w.name, len(all), all[len(all)-1].At.Round(time.Second), w.ttl, cmpOr(w.loader, "as recorded"), w.slo)
		b.WriteString("| | loads | | | joined | | hits | | mean wait | | p99 | | over the SLO | | ratio | |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
		b.WriteString("| | predicted | measured | off by | p | m | p | m | p | m | p | m | p | m | p | m |\n")
		for _, arm := range []sim.Arm{
			{Name: "coalescing, no cache", Coalesce: true},
			{Name: "cache + coalescing", TTL: w.ttl, Coalesce: true},
			{Name: "+ jitter", TTL: w.ttl, Coalesce: true, Jitter: 0.1},
			{Name: "+ early refresh", TTL: w.ttl, Coalesce: true, Jitter: 0.1, Early: 1},
			{Name: "+ stale window", TTL: w.ttl, Coalesce: true, Jitter: 0.1, Stale: w.ttl / 2},
		} {
			plan := live.Plan{Arm: arm, Setting: setting, PerRecord: w.loader == ""}
			want := live.Predict(all, plan)
			var got live.Figures
			synctest.Test(t, func(t *testing.T) {
				var err error
				if got, err = live.Replay(context.Background(), all, plan); err != nil {
					t.Error(err)
				}
			})
			off := 0.0
			if want.Loads > 0 {
				off = float64(got.Loads)/float64(want.Loads) - 1
			}
			fmt.Fprintf(&b, "| %s | %d | %d | %+.1f %% | %d | %d | %d | %d | %s | %s | %s | %s | %.2f %% | %.2f %% | %.3f | %.3f |\n", arm.Name,
				want.Loads, got.Loads, 100*off, want.Joined, got.Joined, want.Hits+want.Stale, got.Hits+got.Stale,
				ms(want.Mean), ms(got.Mean), ms(want.P99), ms(got.P99), 100*want.Over, 100*got.Over, want.Ratio(), got.Ratio())
			if got.Requests != want.Requests || got.Failed != 0 {
				t.Errorf("%s, %s: %d requests and %d failed, want %d and none", w.name, arm.Name, got.Requests, got.Failed, want.Requests)
			}
			if !near(float64(got.Loads), float64(want.Loads), 0.1, 10) {
				t.Errorf("%s, %s: %d loads, predicted %d", w.name, arm.Name, got.Loads, want.Loads)
			}
		}
	}
	if *page == "" {
		t.Log(b.String())
		return
	}
	const from, to = "<!-- figures: begin -->\n", "<!-- figures: end -->\n"
	text, err := os.ReadFile(*page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), from)
	_, after, ok2 := strings.Cut(rest, to)
	if !ok || !ok2 {
		t.Fatalf("%s has no lines %q and %q", *page, from, to)
	}
	if err := os.WriteFile(*page, []byte(before+from+b.String()+"\n"+to+after), 0o644); err != nil { //nolint:gosec // a page for all
		t.Fatal(err)
	}
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func ms(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d)/1e6) }
