package trace_test

import (
	"bytes"
	"errors"
	"hash/maphash"
	"io"
	"syscall"
	"testing"
	"time"

	"github.com/onefold-go/onefold/advise/trace"
	"github.com/onefold-go/onefold/advise/trace/tracegen"
)

// BenchmarkRead reads a million lines of a format, packed or not. It gives
// lines per second of the clock, and the processors' time for a line, which
// the machine's other work does not add to.
func BenchmarkRead(b *testing.B) {
	const lines = 1_000_000
	for _, c := range []struct {
		name    string
		format  trace.Format
		dialect tracegen.Dialect
		pack    func(testing.TB, string) string
	}{
		{name: "csv", format: trace.CSV, dialect: tracegen.Plain},
		{name: "csv/gzip", format: trace.CSV, dialect: tracegen.Plain, pack: gzipped},
		{name: "csv/zstd", format: trace.CSV, dialect: tracegen.Plain, pack: zstded},
		{name: "csv/all-columns", format: trace.CSV},
		{name: "oracle-general", format: trace.OracleGeneral},
		{name: "combined", format: trace.Combined},
		{name: "combined/gzip", format: trace.Combined, pack: gzipped},
		{name: "nginx", format: trace.Combined, dialect: tracegen.NginxTimed},
		{name: "jsonl", format: trace.JSONL},
		{name: "envoy", format: trace.Envoy},
		{name: "alb", format: trace.ALB},
		{name: "redis-monitor", format: trace.RedisMonitor},
		{name: "memcached-watch", format: trace.MemcachedWatch},
		{name: "zeek", format: trace.Zeek},
		{name: "otlp", format: trace.OTLP},
		{name: "openstack", format: trace.OpenStack},
	} {
		b.Run(c.name, func(b *testing.B) {
			n := lines
			if c.format == trace.OTLP || c.format == trace.OpenStack {
				n /= 10
			}
			text := generate(b, c.format, c.dialect, tracegen.Workload{Seed: 1, Requests: n, Keys: 100_000, Skew: 0.9, Rate: 100_000})
			if c.pack != nil {
				text = c.pack(b, text)
			}
			in := []byte(text)
			batch := make([]trace.Record, 4096)
			b.ReportAllocs()
			b.ResetTimer()
			before := processors()
			for b.Loop() {
				s, err := trace.OpenReaders([]trace.Input{{Name: "f", Reader: bytes.NewReader(in)}}, trace.Config{Seed: 1})
				if err != nil {
					b.Fatal(err)
				}
				got := 0
				for {
					k, err := s.Read(batch)
					got += k
					if errors.Is(err, io.EOF) {
						break
					}
					if err != nil {
						b.Fatal(err)
					}
				}
				s.Close()
				if got != n {
					b.Fatalf("%d records, want %d", got, n)
				}
			}
			used := processors() - before
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds()/1e6, "Mlines/s")
			b.ReportMetric(float64(used.Nanoseconds())/float64(n*b.N), "cpu-ns/line")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func processors() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkProbe is the least that reading a plain line takes: to find its end
// and its comma, to read the number and to hash the key. It is what
// BenchmarkRead/csv is to be compared with on a machine that does other work.
func BenchmarkProbe(b *testing.B) {
	text := []byte(generate(b, trace.CSV, tracegen.Plain, tracegen.Workload{Seed: 1, Requests: 1_000_000, Keys: 100_000, Skew: 0.9, Rate: 100_000}))
	b.ResetTimer()
	before := processors()
	var sum uint64
	for b.Loop() {
		for rest := text; len(rest) > 0; {
			i := bytes.IndexByte(rest, '\n')
			line := rest[:i]
			rest = rest[i+1:]
			j := bytes.IndexByte(line, ',')
			n, _, _, _ := trace.Number(line[:j])
			sum += n ^ maphash.Bytes(probeSeed, line[j+1:])
		}
	}
	used := processors() - before
	b.ReportMetric(float64(used.Nanoseconds())/float64(1_000_000*b.N), "cpu-ns/line")
	_ = sum
}

var probeSeed = maphash.MakeSeed()
