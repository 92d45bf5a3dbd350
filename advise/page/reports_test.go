package page_test

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/onefold-go/onefold/advise"
	"github.com/onefold-go/onefold/advise/page"
	"github.com/onefold-go/onefold/advise/sim"
	"github.com/onefold-go/onefold/advise/trace"
)

// A made is a trace made here.
type made struct {
	records []trace.Record
	read    int
}

func (m *made) Read(records []trace.Record) (int, error) {
	n := copy(records, m.records[m.read:])
	if m.read += n; n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// zipf has so many requests, a thousand a second, of skewed keys.
func zipf(n int) *made {
	random := rand.New(rand.NewPCG(1, 2))
	keys := rand.NewZipf(random, 1.2, 4, 500)
	m := new(made)
	at := 0.0
	for range n {
		at += random.ExpFloat64() / 1000
		m.add(time.Duration(at*1e9), (keys.Uint64()+1)*0x9e3779b97f4a7c15)
	}
	return m
}

func (m *made) add(at time.Duration, key uint64) {
	m.records = append(m.records, trace.Record{Time: int64(at), Key: key, Client: uint64(len(m.records) % 100), Duration: trace.Unknown, Size: 1000, TTL: trace.Unknown})
}

// reports are of all kinds, by name. Nobody may change them.
var reports = sync.OnceValue(func() map[string]*advise.Report {
	loader, err := sim.ParseLoader("p50=20ms,p99=200ms")
	if err != nil {
		panic(err)
	}
	all := map[string]*advise.Report{}
	run := func(name string, m *made, in advise.Input, c advise.Config) {
		c.Loader = &loader
		s, err := advise.New(c)
		if err != nil {
			panic(err)
		}
		s.Add(m.records)
		r, err := s.Report(in)
		if err != nil {
			panic(err)
		}
		all[name] = r
	}
	safe := advise.AllSafe("made for a test")
	whole := advise.Config{
		TTL: 2 * time.Second, MaxStale: time.Second, Safety: safe, SLO: advise.SLO{Limit: 100 * time.Millisecond},
		Source: advise.Source{MaxConcurrent: 30, MaxRPS: 500}, Current: &sim.Arm{TTL: time.Second},
	}
	in := advise.Input{
		Start: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Files: []advise.File{{Name: "access.log.gz", Format: "combined", SHA256: strings.Repeat("ab", 32), Records: 20000, Bad: 3}},
		Findings: []advise.Finding{
			{Severity: "caution", Text: "3 of 20003 lines cannot be read", Remedy: "look at them"},
			{Severity: "note", Text: "times are those of the begin"},
		},
	}
	run("whole", zipf(8000), in, whole)

	sampled := whole
	sampled.MaxExact, sampled.MaxKeys, sampled.HeavyKeys = 2000, 100, 40
	run("sampled", zipf(8000), advise.Input{}, sampled)

	one := new(made)
	for i := range 8000 {
		one.add(time.Duration(i)*time.Millisecond, 7)
	}
	run("one key, no SLO", one, advise.Input{}, advise.Config{TTL: time.Second, Safety: safe})

	day := new(made)
	for i := range 3000 {
		day.add(time.Duration(i)*20*time.Second, uint64(i*i%50))
	}
	run("unsafe", day, in, advise.Config{TTL: time.Hour, Entries: 20})
	run("nothing kept", zipf(5000), advise.Input{}, advise.Config{Safety: safe, SLO: advise.SLO{Limit: time.Second}})
	run("kept for ever", zipf(5000), advise.Input{}, advise.Config{TTL: sim.Forever, Safety: safe})

	instant := new(made)
	for i := range 10 {
		instant.add(0, uint64(i%3))
	}
	run("one instant", instant, advise.Input{}, advise.Config{TTL: time.Second, Safety: safe})
	run("no requests", new(made), advise.Input{}, advise.Config{TTL: time.Second, Safety: safe})
	run("no times", zipf(100), advise.Input{NoTimes: true}, advise.Config{TTL: time.Second})
	all["zero"] = new(advise.Report)
	return all
})

// reportCopy is one that may be changed.
func reportCopy(t *testing.T, r *advise.Report) *advise.Report {
	t.Helper()
	var text strings.Builder
	if err := r.WriteJSON(&text); err != nil {
		t.Fatal(err)
	}
	out := new(advise.Report)
	if err := json.Unmarshal([]byte(text.String()), out); err != nil {
		t.Fatal(err)
	}
	return out
}

func write(t *testing.T, r *advise.Report) string {
	t.Helper()
	var b strings.Builder
	if err := page.Write(&b, r, page.Config{Command: "onefold advise access.log.gz"}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// each calls f with every text in v, and sets it to what f gives.
func each(v reflect.Value, path string, f func(path, text string) string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			each(v.Elem(), path, f)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				each(v.Field(i), path+"."+v.Type().Field(i).Name, f)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			each(v.Index(i), path, f)
		}
	case reflect.String:
		v.SetString(f(path, v.String()))
	default:
	}
}
