package trace_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/onefold-go/onefold/advise/trace"
	"github.com/onefold-go/onefold/advise/trace/tracegen"
)

// fuzzable is a format of its own for the fuzzer: with the format given, its
// reader meets whatever the fuzzer makes of the lines.
var fuzzable = []trace.Format{
	trace.Auto, trace.CSV, trace.JSONL, trace.Common, trace.Combined, trace.Envoy, trace.EnvoyJSON, trace.ALB,
	trace.RedisMonitor, trace.MemcachedWatch, trace.Twitter, trace.OracleGeneral, trace.CacheSimCSV, trace.MetaKV,
	trace.IBMObjects, trace.Zeek, trace.OTLP, trace.OpenStack, trace.Recording,
}

// FuzzReaders reads what the fuzzer makes of generated traces. Whatever it is,
// reading ends, in order of time, with counts that add up, and the same bytes
// give the same records.
func FuzzReaders(f *testing.F) {
	for _, g := range formatted {
		w := tracegen.Workload{Seed: 9, Requests: 12, Keys: 3, Writes: 0.3, Deletes: 0.1, Twice: 0.2, TTL: 1e9}
		text := []byte(generate(f, g.format, g.dialect, w))
		for i, format := range fuzzable {
			if format == g.format || format == trace.Auto {
				f.Add(text, uint8(i), false)
			}
		}
		f.Add([]byte(gzipped(f, string(text))), uint8(0), true)
		f.Add([]byte(zstded(f, string(text))), uint8(0), true)
	}
	for _, text := range []string{
		recorded("1,a,k,call,led,5,1", "2,a,k,load,led,3,1", "7,a,k,call,hit,0,16", "# written 3, skipped 1, dropped 2"),
		"", "\n", "\xef\xbb\xbf", "\x00", "time,key\n", `"`, `{"a":`, `{"resourceSpans":[{"spans":[{}`, "a \"b\n", `[`, "time,key\n1700000000,\"",
		"18446744073709551615,k\n0,k\n9223372036854775808,k\n", "1e999,k\n", `{"ts":1e308,"key":"\ud800"}`, "ts=.5 gid= type=item_get key=\n",
	} {
		for i := range fuzzable {
			f.Add([]byte(text), uint8(i), i%2 == 0)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte, format uint8, shift bool) {
		cfg := trace.Config{
			Format: fuzzable[int(format)%len(fuzzable)], Seed: 1, Names: 2, Reorder: 8, MaxLine: 4096, ShowLines: true, KeepDuplicates: shift,
		}
		if shift {
			cfg.Stamp = trace.End
		}
		first, err := read(t, text, cfg)
		again, err2 := read(t, text, cfg)
		if len(first) != len(again) || (err == nil) != (err2 == nil) {
			t.Fatalf("the second reading gives %d records and %v, the first %d and %v", len(again), err2, len(first), err)
		}
		for i := range first {
			if first[i] != again[i] {
				t.Fatalf("record %d is %+v and then %+v", i, first[i], again[i])
			}
		}
	})
}

func read(t *testing.T, text []byte, cfg trace.Config) ([]trace.Record, error) {
	t.Helper()
	s, err := trace.OpenReaders([]trace.Input{{Name: "f", Reader: bytes.NewReader(text)}}, cfg)
	if err != nil {
		if !strings.HasPrefix(err.Error(), "trace: ") {
			t.Errorf("the error does not say whose it is: %v", err)
		}
		return nil, err
	}
	defer s.Close()
	batch := make([]trace.Record, 7)
	var out []trace.Record
	last := int64(0)
	for {
		n, err := s.Read(batch)
		for _, r := range batch[:n] {
			if r.Time < last {
				t.Fatalf("record %d falls from %d to %d", len(out), last, r.Time)
			}
			last = r.Time
			if r.Key == 0 || r.Duration < trace.Unknown || r.TTL < trace.Unknown || r.Size < trace.Unknown {
				t.Fatalf("record %d is %+v", len(out), r)
			}
			out = append(out, r)
		}
		if len(out) > 1<<20 {
			t.Fatalf("%d records of %d bytes", len(out), len(text))
		}
		if err == nil {
			continue
		}
		sum := s.Summary()
		for _, f := range sum.Files {
			used := f.Records - f.Repeats + f.Bad + f.Passed + f.NoKey + f.Filtered
			if f.Recording != nil {
				used += f.Recording.Loads
			}
			if !cfg.KeepDuplicates {
				used += f.Duplicates
			}
			// A line may hold several keys, and memcached's lookups of stores
			// are lines that come to nothing.
			if errors.Is(err, io.EOF) && used < f.Lines && f.Guess.Format != trace.MemcachedWatch {
				t.Fatalf("%d lines, and %d of them are accounted for: %+v", f.Lines, used, f)
			}
		}
		if sum.Records != uint64(len(out)) {
			t.Fatalf("%d records, and the summary has %d", len(out), sum.Records)
		}
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return out, err
	}
}

// FuzzTemplates compiles what the fuzzer makes of log formats, and reads a line
// by it.
func FuzzTemplates(f *testing.F) {
	for _, text := range []string{
		`$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent`, `%h %l %u %t \"%r\" %>s %b %D`,
		`[%START_TIME%] "%REQ(:METHOD)% %REQ(:PATH)% %PROTOCOL%"`, `${msec} $uri`, "%", "$", "%{", "%{Host}i %t %U%q", "%U", "$msec$uri", "${",
	} {
		f.Add(text, []byte(`10.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET /a\"b HTTP/1.0" 404 - "-"`))
	}
	f.Fuzz(func(t *testing.T, text string, line []byte) {
		if text == "" {
			return
		}
		_, _ = read(t, line, trace.Config{Template: text, Seed: 1})
	})
}
