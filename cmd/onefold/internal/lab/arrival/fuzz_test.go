package arrival_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/arrival"
)

// FuzzReadTrace gives arbitrary bytes to be recognised. The others below name
// a format, so that its reader sees all of them.
func FuzzReadTrace(f *testing.F) { fuzz(f, arrival.TraceOptions{}) }

func FuzzReadCSV(f *testing.F) { fuzz(f, arrival.TraceOptions{Format: "csv"}) }

func FuzzReadCSVByNumber(f *testing.F) {
	fuzz(f, arrival.TraceOptions{Format: "csv", TimeColumn: "1", KeyColumn: "2"})
}

func FuzzReadTSV(f *testing.F) { fuzz(f, arrival.TraceOptions{Format: "tsv", Speed: 1000}) }

func FuzzReadJSONL(f *testing.F) { fuzz(f, arrival.TraceOptions{Format: "jsonl"}) }

func FuzzReadJSONLDotted(f *testing.F) {
	fuzz(f, arrival.TraceOptions{Format: "jsonl", TimeColumn: "event.start", KeyColumn: "id.orig_h,id"})
}

func FuzzReadColumns(f *testing.F) {
	fuzz(f, arrival.TraceOptions{Format: "columns", TimeColumn: "1", KeyColumn: "2", MaxDuration: time.Hour})
}

func FuzzReadIBM(f *testing.F) { fuzz(f, arrival.TraceOptions{Format: "ibm", Method: "GET"}) }

func FuzzReadAccessLog(f *testing.F) { fuzz(f, arrival.TraceOptions{Format: "combined"}) }

func FuzzReadOracle(f *testing.F) { fuzz(f, arrival.TraceOptions{Format: "oracle"}) }

func FuzzReadPattern(f *testing.F) {
	fuzz(f, arrival.TraceOptions{Pattern: `(?P<time>[-0-9.:T Z]+) .*?((?P<method>GET|POST) )?(?P<key>\S*)$`})
}

// FuzzReadStamps gives three stamps to be made sense of.
func FuzzReadStamps(f *testing.F) {
	f.Add("1", "2", "3", "")
	f.Add("9223372036854775807", "-9223372036854775807", "0", "ns")
	f.Add("1.5", "-1e18", ".000000001", "s")
	f.Add("2024-02-29T23:59:59Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999+14:00", "rfc3339")
	f.Add("128166372003061629", "128166372003061630", "5", "100ns")
	f.Fuzz(func(t *testing.T, a, b, c, unit string) {
		tab := func(stamp string) string { return stamp + "\tk\n" }
		check(t, []byte(tab(a)+tab(b)+tab(c)), arrival.TraceOptions{Format: "tsv", TimeColumn: "1", KeyColumn: "2", TimeUnit: unit})
	})
}

func fuzz(f *testing.F, o arrival.TraceOptions) {
	f.Helper()
	for _, s := range samples {
		f.Add(s.write(requests(20, s.resolution, 11)))
	}
	f.Add([]byte{})
	f.Add([]byte("\x1f\x8b\x08"))
	f.Add([]byte("\x28\xb5\x2f\xfd\x00"))
	f.Add([]byte("time,key\n9223372036854775807,a\n-9223372036854775807,b\n"))
	f.Add([]byte("time,key\n1e18,\"a\"\"\n-0.5,b\n"))
	o.MaxCalls = 1000
	f.Fuzz(func(t *testing.T, data []byte) { check(t, data, o) })
}

// check reads a trace: what is accepted must be a Stream in order, and what is
// refused must say so with a name.
func check(t *testing.T, data []byte, o arrival.TraceOptions) {
	t.Helper()
	s, err := arrival.ReadTraceFrom(t.Context(), bytes.NewReader(data), "a trace", o)
	if err == nil {
		checkStream(t, s)
		for i, c := range s.Calls[1:] {
			if c.At < s.Calls[i].At {
				t.Fatalf("call %d is at %v, after one at %v", i+1, c.At, s.Calls[i].At)
			}
		}
		if s.Calls[0].At != 0 {
			t.Errorf("the first call is at %v, want 0", s.Calls[0].At)
		}
		return
	}
	var format *arrival.FormatError
	if errors.As(err, &format) && (format.Name != "a trace" || format.Reason == "" || format.Remedy == "" || len(format.Lines) > 3) {
		t.Errorf("the refusal lacks something: %+v", format)
	}
}
