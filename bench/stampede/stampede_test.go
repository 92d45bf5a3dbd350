package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A bubble's clock makes the counts exact: what a call takes is what it waits.
func TestLoadsAndWaits(t *testing.T) {
	p := defaultPlan
	p.Goroutines, p.Keys, p.For = 100, 10, 3*time.Second
	got := make(map[string]figures)
	for _, c := range contenders {
		synctest.Test(t, func(t *testing.T) {
			f, err := p.play(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			got[c.name] = f
		})
	}
	for name, f := range got {
		if f.Expiries < 2*p.Keys || f.Loads < f.Expiries || f.Blocked > f.Calls {
			t.Errorf("%s: counts do not add up: %+v", name, f)
		}
		if name == "Onefold, early refresh" {
			// It begins with a call, which may be late by what lies between two.
			if f.Loads > f.Expiries+2 || f.Blocked*100 > f.Calls {
				t.Errorf("%s: %d loads for %d expiries, %d of %d calls waited; want one load each and next to none", name, f.Loads, f.Expiries, f.Blocked, f.Calls)
			}
			continue
		}
		refreshes := strings.Contains(name, ",")
		if once := f.Loads == f.Expiries; !once && name != "no coalescing" && name != "sturdyc, refresh" {
			t.Errorf("%s: %d loads for %d expiries, want one each", name, f.Loads, f.Expiries)
		}
		if refreshes != (f.Blocked == 0) {
			t.Errorf("%s: %d of %d calls waited for a load; want some without a refresh, and none with one", name, f.Blocked, f.Calls)
		}
		if f.Max > p.Load || refreshes && f.Max > 0 {
			t.Errorf("%s: a call waited for %v", name, f.Max)
		}
	}
	if f := got["no coalescing"]; f.loadsAnExpiry() < 2 {
		t.Errorf("no coalescing: %.2f loads an expiry, want several", f.loadsAnExpiry())
	}
}

func TestCountTellsExpiriesApart(t *testing.T) {
	const ms = time.Millisecond
	l := &loader{took: 20 * ms, begun: map[string][]time.Duration{
		"a": {0, 1000 * ms, 1010 * ms, 1100 * ms, 1101 * ms, 2000 * ms},
		"b": {0, 1500 * ms},
	}}
	if loads, expiries := l.count(ms); loads != 6 || expiries != 4 {
		t.Errorf("%d loads for %d expiries, want 6 for 4", loads, expiries)
	}
}

func TestCommand(t *testing.T) {
	var out bytes.Buffer
	if err := command(t.Context(), []string{"-only", "otter", "-runs", "1", "-goroutines", "2", "-keys", "1", "-ttl", "200ms", "-for", "100ms"}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(out.String(), "\n| otter"); got != 2 {
		t.Errorf("%d rows of otter, want 2:\n%s", got, &out)
	}
	for want, args := range map[string][]string{
		"-runs 0":           {"-runs", "0"},
		"-ttl 1ms":          {"-ttl", "1ms"},
		`-only is "nobody"`: {"-only", "nobody", "-for", "1ms"},
	} {
		if err := command(t.Context(), args, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, want %q", args, err, want)
		}
	}
}
