package arrival_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/arrival"
)

func read(t *testing.T, data string, o arrival.TraceOptions) *arrival.Stream {
	t.Helper()
	s, err := arrival.ReadTraceFrom(t.Context(), strings.NewReader(data), "a trace", o)
	if err != nil {
		t.Fatal(err)
	}
	checkStream(t, s)
	return s
}

// refused reads a trace that is no trace.
func refused(t *testing.T, data string, o arrival.TraceOptions) *arrival.FormatError {
	t.Helper()
	s, err := arrival.ReadTraceFrom(t.Context(), strings.NewReader(data), "a trace", o)
	var format *arrival.FormatError
	if !errors.As(err, &format) {
		t.Fatalf("reading gave %v, %v; want a *FormatError", s, err)
	}
	if format.Name != "a trace" || format.Remedy == "" {
		t.Errorf("the error names %q and the remedy %q", format.Name, format.Remedy)
	}
	return format
}

// mustSay fails unless text holds each of the parts.
func mustSay(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s does not say %q:\n%s", what, part, text)
		}
	}
}

func notes(s *arrival.Stream) string { return strings.Join(s.Notes, "\n") }

// script writes a stream as "0s a, 1.5s b".
func script(s *arrival.Stream) string {
	parts := make([]string, len(s.Calls))
	for i, c := range s.Calls {
		parts[i] = fmt.Sprintf("%v %s", c.At, s.Keys[c.Key])
	}
	return strings.Join(parts, ", ")
}

func TestReadTraceFormats(t *testing.T) {
	const seed = 8
	t.Logf("seed %d", seed)
	for _, sample := range samples {
		t.Run(sample.name, func(t *testing.T) {
			list := requests(300, sample.resolution, seed)
			data := string(sample.write(list))
			for _, format := range []string{"", sample.format} {
				o := sample.options
				o.Format, o.KeepStamps = format, true
				s := read(t, data, o)
				if len(s.Calls) != len(list) {
					t.Fatalf("%d calls, want %d", len(s.Calls), len(list))
				}
				for i, c := range s.Calls {
					if want := list[i].at.Sub(list[0].at); c.At != want || s.Keys[c.Key] != list[i].key {
						t.Fatalf("call %d is %v for %q, want %v for %q\n%s", i, c.At, s.Keys[c.Key], want, list[i].key, notes(s))
					}
				}
				if format == "" && o.Pattern == "" {
					mustSay(t, "a note", notes(s), "recognised by the content: "+sample.format)
				}
				mustSay(t, "the title", s.Title, "a trace ("+sample.format+"): 300 calls for 20 keys")
			}
		})
	}
}

func gzipped(t *testing.T, plain []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	g := gzip.NewWriter(&b)
	if _, err := g.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestReadTraceCompressed(t *testing.T) {
	plain := samples[0].write(requests(2000, time.Microsecond, 9))
	gz, half := gzipped(t, plain), len(plain)/2
	two := append(gzipped(t, plain[:half]), gzipped(t, plain[half:])...) // as logs are appended
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	zst := z.EncodeAll(plain, nil)

	want := read(t, string(plain), arrival.TraceOptions{})
	for name, data := range map[string][]byte{"plain": plain, "gzip": gz, "zstd": zst, "two gzips": two} {
		path := filepath.Join(t.TempDir(), "log")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := arrival.ReadTrace(t.Context(), path, arrival.TraceOptions{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if script(s) != script(want) {
			t.Errorf("%s gave other calls than plain data", name)
		}
		slow, err := arrival.ReadTraceFrom(t.Context(), iotest.OneByteReader(bytes.NewReader(data)), name, arrival.TraceOptions{})
		if err != nil || script(slow) != script(want) {
			t.Errorf("%s, byte by byte, gave other calls than plain data, or %v", name, err)
		}
	}

	_, err = arrival.ReadTraceFrom(t.Context(), bytes.NewReader(gz[:len(gz)-9]), "cut.gz", arrival.TraceOptions{})
	if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "cut.gz") {
		t.Errorf("a gzip file that is cut gave %v, want an unexpected EOF that names it", err)
	}
	_, err = arrival.ReadTraceFrom(t.Context(), strings.NewReader("\x1f\x8bno"), "bad.gz", arrival.TraceOptions{})
	if err == nil || !strings.Contains(err.Error(), "looks like gzip") {
		t.Errorf("a broken gzip header gave %v", err)
	}
	_, err = arrival.ReadTraceFrom(t.Context(), strings.NewReader("\x28\xb5\x2f\xfdnothing"), "bad.zst", arrival.TraceOptions{})
	if err == nil || !strings.Contains(err.Error(), "bad.zst") {
		t.Errorf("a broken zstd frame gave %v", err)
	}
}

// pipeStdin makes standard input a pipe, and gives its other end.
func pipeStdin(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	saved := os.Stdin
	os.Stdin = r
	t.Cleanup(func() {
		os.Stdin = saved
		_ = w.Close() // a test may have closed it
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func TestReadTraceStandardInput(t *testing.T) {
	w := pipeStdin(t)
	if _, err := io.WriteString(w, "time,key\n1700000000,a\n1700000002,b\n"); err != nil { // less than a pipe holds
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := arrival.ReadTrace(t.Context(), "-", arrival.TraceOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := script(s), "0s a, 2s b"; got != want {
		t.Errorf("the calls are %s, want %s", got, want)
	}
	mustSay(t, "the title", s.Title, "standard input")
}

func TestReadTraceStopsWhileStandardInputIsIdle(t *testing.T) {
	pipeStdin(t) // nobody writes
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() {
		_, err := arrival.ReadTrace(ctx, "-", arrival.TraceOptions{})
		failed <- err
	}()
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v, want %v", err, context.Canceled)
	}
}

func TestReadTraceStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, sample := range samples {
		o := sample.options
		_, err := arrival.ReadTraceFrom(ctx, bytes.NewReader(sample.write(requests(100, time.Second, 1))), "a trace", o)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: the error is %v, want %v", sample.name, err, context.Canceled)
		}
	}
}

func TestReadTraceMissingFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.log")
	_, err := arrival.ReadTrace(t.Context(), path, arrival.TraceOptions{})
	if !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("the error is %v, want %v", err, os.ErrNotExist)
	}
	mustSay(t, "the error", err.Error(), path, "--trace")
	if _, err = arrival.ReadTrace(t.Context(), filepath.Dir(path), arrival.TraceOptions{}); err == nil {
		t.Error("a directory was read")
	}
}

func TestReadTraceStamps(t *testing.T) {
	for name, c := range map[string]struct {
		stamps string // three
		unit   string
		want   string
	}{
		"seconds":            {"1700000000 1700000001 1700000003", "", "0s 1s 3s"},
		"fractions":          {"1700000000.25 1700000001 1700000003.123456789", "", "0s 750ms 2.873456789s"},
		"milliseconds":       {"1700000000000 1700000000250 1700000003000", "", "0s 250ms 3s"},
		"microseconds":       {"1700000000000000 1700000000250000 1700000003000000", "", "0s 250ms 3s"},
		"nanoseconds":        {"1700000000000000001 1700000000250000001 1700000003000000002", "", "0s 250ms 3.000000001s"},
		"FILETIME":           {"128166372003061629 128166372016382155 128166372026382245", "", "0s 1.3320526s 2.3320616s"},
		"from the start, s":  {"0 1 2", "", "0s 1s 2s"},
		"from the start, ms": {"1000 1250 4000", "", "0s 250ms 3s"},
		"from the start, us": {"5633898368802 5633898611441 5633898967708", "", "0s 242.639ms 598.906ms"},
		"forced":             {"1700000000 1700000001 1700000003", "ms", "0s 1ms 3ms"},
		"forced, 100ns":      {"5 6 8", "100ns", "0s 100ns 300ns"},
		"exponent":           {"1.7e9 1.7000000005e9 1.700000001e+09", "", "0s 500ms 1s"},
		"negative":           {"-1.5 -0.25 1", "s", "0s 1.25s 2.5s"},
		"close to 2^63":      {"9223372036854775805 9223372036854775806 9223372036854775807", "s", "0s 1s 2s"},
		"all of 64 bits":     {"-4611686018427387000 0 100", "ns", "0s 1281023h53m38.427387s 1281023h53m38.4273871s"},
		"RFC 3339":           {"2024-02-29T23:59:59.5Z 2024-03-01T01:00:00+01:00 2024-03-01T00:00:02Z", "", "0s 500ms 2.5s"},
		"clf":                {"29/Feb/2024:23:59:59+0000 01/Mar/2024:00:00:01+0000 01/Mar/2024:00:00:02+0000", "02/Jan/2006:15:04:05-0700", "0s 2s 3s"},
		"far years":          {"0001-01-01T00:00:00Z 0001-01-01T00:00:01Z 0001-01-01T00:00:02Z", "rfc3339", "0s 1s 2s"},
	} {
		t.Run(name, func(t *testing.T) {
			var data strings.Builder
			for stamp := range strings.FieldsSeq(c.stamps) {
				fmt.Fprintf(&data, "%s\tk\n", stamp)
			}
			s := read(t, data.String(), arrival.TraceOptions{TimeColumn: "1", KeyColumn: "2", TimeUnit: c.unit})
			var got []string
			for _, call := range s.Calls {
				got = append(got, call.At.String())
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("the times are %v, want %s\n%s", got, c.want, notes(s))
			}
		})
	}
}

func TestReadTraceStampsOutOfRange(t *testing.T) {
	table := arrival.TraceOptions{Format: "csv", TimeColumn: "1", KeyColumn: "2"}
	s := read(t, "1,a\n9223372036854775808,b\n2,c\n99999999999999999999999,d\n3,e\n", table)
	if got, want := script(s), "0s a, 1s c, 2s e"; got != want {
		t.Errorf("the calls are %s, want %s", got, want)
	}
	mustSay(t, "a note", notes(s), "bad lines left out: 2", "line 2", "out of range", "9223372036854775808")

	s = read(t, "-9223372036854775807,a\n9223372036854775807,b\n-9223372036854775806,c\n", table)
	mustSay(t, "a note", notes(s), "bad lines left out: 1", "line 2", "too far from the first")

	table.TimeUnit = "s"
	err := refused(t, "0,a\n1,b\n9223372036854775807,c\n", table)
	mustSay(t, "the error", err.Error(), "lines 1 and 3", "146 years", "--time-unit")
	err = refused(t, "0,a\n-7223372036854775807,b\n7223372036854775807,c\n", table)
	mustSay(t, "the error", err.Error(), "lines 2 and 3")

	err = refused(t, "0,a\n4611686018,b\n", table)
	mustSay(t, "the error", err.Error(), "lines 1 and 2")
	s = read(t, "0.999999999,a\n-4611686017,b\n", table)
	if want := 4611686017*time.Second + 999999999; s.Duration != want {
		t.Errorf("the longest trace lasts %v, want %v", s.Duration, want)
	}

	table.TimeUnit = "rfc3339"
	s = read(t, "2024-01-01T00:00:00Z,a\n9999-01-01T00:00:00Z,b\n2024-01-01T00:00:01Z,c\n", table)
	mustSay(t, "a note", notes(s), "line 2", "more than 292 years")
}

func TestReadTraceSortsByTime(t *testing.T) {
	s := read(t, "time,key\n5,e\n1,a\n3,c\n1,b\n4,d\n", arrival.TraceOptions{TimeUnit: "s", KeepStamps: true})
	if got, want := script(s), "0s a, 0s b, 2s c, 3s d, 4s e"; got != want {
		t.Errorf("the calls are %s, want %s", got, want)
	}
	mustSay(t, "a note", notes(s), "stood after a later one: 4")
}

func TestReadTraceSpeedAndBounds(t *testing.T) {
	const data = "time,key\n0,a\n1,b\n2,c\n4,a\n8,d\n"
	s := read(t, data, arrival.TraceOptions{TimeUnit: "s", Speed: 4})
	if got, want := script(s), "0s a, 250ms b, 500ms c, 1s a, 2s d"; got != want {
		t.Errorf("at speed 4 the calls are %s, want %s", got, want)
	}
	mustSay(t, "the title", s.Title, "over 2s", "4 times the recorded speed")

	s = read(t, data, arrival.TraceOptions{TimeUnit: "s", Speed: 0.5, MaxDuration: 8 * time.Second})
	if got, want := script(s), "0s a, 2s b, 4s c, 8s a"; got != want {
		t.Errorf("cut at 8s the calls are %s, want %s", got, want)
	}
	if len(s.Keys) != 3 {
		t.Errorf("the keys are %v, want the three that are called", s.Keys)
	}
	mustSay(t, "a note", notes(s), "after 8s of the replay: 1")

	s = read(t, data, arrival.TraceOptions{TimeUnit: "s", MaxDuration: 4*time.Second - 1})
	if got, want := script(s), "0s a, 1s b, 2s c"; got != want {
		t.Errorf("cut just before 4s the calls are %s, want %s", got, want)
	}

	s = read(t, data, arrival.TraceOptions{TimeUnit: "s", MaxCalls: 3})
	if got, want := script(s), "0s a, 1s b, 2s c"; got != want {
		t.Errorf("with MaxCalls 3 the calls are %s, want %s", got, want)
	}
	mustSay(t, "a note", notes(s), "only the first 3 calls")
	s = read(t, data, arrival.TraceOptions{TimeUnit: "s", MaxCalls: 5})
	if strings.Contains(notes(s), "only the first") {
		t.Errorf("five calls of five are said to be cut:\n%s", notes(s))
	}

	_, err := arrival.ReadTraceFrom(t.Context(), strings.NewReader(data), "a trace", arrival.TraceOptions{TimeUnit: "s", Speed: 1e-12})
	if err == nil || !strings.Contains(err.Error(), "--speed") {
		t.Errorf("a speed that stretches to ages gave %v", err)
	}
}

func TestReadTraceMethods(t *testing.T) {
	const log = `h - - [01/Mar/2024:00:00:00 +0000] "GET /a HTTP/1.1" 200 1
h - - [01/Mar/2024:00:00:01 +0000] "POST /b HTTP/1.1" 200 1
h - - [01/Mar/2024:00:00:02 +0000] "-" 408 0
h - - [01/Mar/2024:00:00:03 +0000] "\x16\x03" 400 0
h - - [01/Mar/2024:00:00:04 +0000] "GET /c?x=\"y z\" HTTP/1.1" 200 1
`
	s := read(t, log, arrival.TraceOptions{})
	if got, want := script(s), `0s /a, 1s /b, 4s /c?x=\"y z\"`; got != want {
		t.Errorf("the calls are %s, want %s", got, want)
	}
	mustSay(t, "a note", notes(s), "2 GET, 1 POST", "lines left out (no method and target in the request): 2")
	s = read(t, log, arrival.TraceOptions{Method: "get"})
	if got, want := script(s), `0s /a, 4s /c?x=\"y z\"`; got != want {
		t.Errorf("of GET the calls are %s, want %s", got, want)
	}
	mustSay(t, "a note", notes(s), "lines left out (another method than get): 1")

	s = read(t, "1 REST.PUT.OBJECT a 5\n2 REST.GET.OBJECT b 5\n", arrival.TraceOptions{Method: "GET"})
	if got, want := script(s), "0s b"; got != want {
		t.Errorf("of GET the calls are %s, want %s", got, want)
	}
	s = read(t, `{"time":1,"key":"a","op":"set"}`+"\n"+`{"time":2,"key":"b","op":"get"}`+"\n", arrival.TraceOptions{Method: "get"})
	if got, want := script(s), "0s b"; got != want {
		t.Errorf("of get the calls are %s, want %s", got, want)
	}
}

func TestReadTraceKeyOfSeveralColumns(t *testing.T) {
	o := arrival.TraceOptions{KeyColumn: "query,type", TimeUnit: "s"}
	const want = "0s x A, 1s x AAAA"
	if got := script(read(t, "time,query,type\n1,x,A\n2,x,AAAA\n", o)); got != want {
		t.Errorf("of csv the calls are %s, want %s", got, want)
	}
	s := read(t, `{"time":1,"query":"x","type":"A"}
{"time":2,"query":"x","type":"AAAA"}
{"time":3,"query":"x"}
`, o)
	if got := script(s); got != want {
		t.Errorf("of jsonl the calls are %s, want %s", got, want)
	}
	mustSay(t, "a note", notes(s), `lines left out (no key in "type"): 1`)
}

func TestReadTraceJSONValues(t *testing.T) {
	s := read(t, `{"time":"1","key":"a\u0062\n"}
{"time":1.5,"key":null}
{"time":2,"key":12.50}
{"key":"no time"}
{"time":3,"key":{"x":1}}
{"time":[3],"key":"x"}
{"time":3,"key":
{"time":4,"key":true}
{"time":5,"key":""}
{"time":6,"key":"z"}
{"time":7,"key":"z"}
`, arrival.TraceOptions{TimeUnit: "s"})
	if got, want := script(s), "0s ab\n, 1s 12.50, 3s true, 5s z, 6s z"; got != want {
		t.Errorf("the calls are %q, want %q", got, want)
	}
	mustSay(t, "a note", notes(s), `lines left out (no key in "key"): 2`, "bad lines left out: 4", `line 4: no time in "time"`, "line 5", "line 6")
}

func TestReadTraceBadLines(t *testing.T) {
	long := strings.Repeat("x", 300)
	s := read(t, "\xef\xbb\xbftime,key\r\n1,a\r\n\r\nnoon,b\r\n2,c,d\r\n"+long+"\r\n3\r\n4,e\r\n5,\r\n6,f\r\n7,g\r\n8,h", arrival.TraceOptions{TimeUnit: "s"})
	if got, want := script(s), "0s a, 3s e, 5s f, 6s g, 7s h"; got != want {
		t.Errorf("the calls are %s, want %s", got, want)
	}
	text := notes(s)
	mustSay(t, "a note", text,
		"bad lines left out: 4", `line 4: the time "noon"`, `line 5: 3 values, and the first line has 2: "2,c,d"`, "line 6: 1 values", strings.Repeat("x", 80),
		"lines left out (empty key): 1")
	if strings.Contains(text, strings.Repeat("x", 81)) || strings.Contains(text, "line 7") {
		t.Errorf("the notes show more than 3 lines of 80 characters:\n%s", text)
	}
}

func TestReadTraceLongLines(t *testing.T) {
	data := "time,key\n1,a\n2," + strings.Repeat("y", 3<<20) + "\n3,b\n4," + strings.Repeat("z", 5000) + "\n5,c\n"
	s := read(t, data, arrival.TraceOptions{TimeUnit: "s"})
	if got, want := script(s), "0s a, 2s b, 4s c"; got != want {
		t.Errorf("the calls are %s, want %s", got, want)
	}
	mustSay(t, "a note", notes(s), "bad lines left out: 2", "line 3: the line is longer than 1048576 bytes", "line 5: the key has 5000 bytes, the most is 4096")

	err := refused(t, "1,"+strings.Repeat("y", 3<<20), arrival.TraceOptions{Format: "csv", TimeColumn: "1", KeyColumn: "2"})
	mustSay(t, "the error", err.Error(), "line 1: the line is longer than 1048576 bytes")
}

func TestReadTraceRefuses(t *testing.T) {
	type options = arrival.TraceOptions
	for name, c := range map[string]struct {
		data string
		o    options
		want []string
	}{
		"empty":             {"", options{}, []string{"is empty"}},
		"blank":             {"\n \n\r\n", options{}, []string{"no format"}},
		"blank csv":         {"\n \n\r\n", options{Format: "csv"}, []string{"no line but"}},
		"header only":       {"time,key\n", options{}, []string{"no line but a header"}},
		"one line of prose": {"\n\nhello, world\n", options{}, []string{"no format", "--format", "--pattern", `line 3: no known format: "hello, world"`}},
		"binary":            {"\x00\x01\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", options{}, []string{"no format"}},
		"most lines bad":    {"time,key\n1,a\nx,b\n2,c\ny,d\nz,e\n", options{}, []string{"3 of 5 lines", "line 3: the time \"x\"", "line 5", "line 6", "--time"}},
		"no good line":      {"time,key\nx,b\ny,d\n", options{}, []string{"no line of 2", "line 2", "line 3"}},
		"no usual column":   {"when,what\n1,a\n", options{}, []string{"no column of a usual name", `"when", "what"`, "--time", "--key"}},
		"no header":         {"1700000000,a\n", options{}, []string{"--time", "--key", `1 ("1700000000"), 2 ("a")`}},
		"no header, a name": {"1700000000,a\n", options{TimeColumn: "1", KeyColumn: "url"}, []string{"has no header", `--key is "url"`}},
		"no such column":    {"time,key\n1,a\n", options{KeyColumn: "ghost"}, []string{`no column "ghost"`, "--key", `"time", "key"`}},
		"no such columns":   {"time,key\n1,a\n", options{KeyColumn: "key,ghost"}, []string{`no column "ghost"`}},
		"number too high":   {"time,key\n1,a\n", options{TimeColumn: "3"}, []string{"2 columns", "--time is 3"}},
		"number zero":       {"time,key\n1,a\n", options{TimeColumn: "0"}, []string{"2 columns", "--time is 0"}},
		"no such field":     {`{"time":1,"url":"/"}`, options{KeyColumn: "ghost"}, []string{"no line of 1 is a call", `no key in "ghost"`, `"time", "url"`}},
		"no usual field":    {`{"when":1,"what":"/"}`, options{}, []string{"no column of a usual name", `"what", "when"`}},
		"not objects":       {"[1]\n[2]\n", options{Format: "jsonl"}, []string{"JSON objects", "line 1"}},
		"first line broken": {"\n\"a,b\nc,d\n", options{Format: "csv"}, []string{"line 2: not csv at byte 5"}},
		"no match":          {"a\nb\n", options{Pattern: "(?P<time>1)(?P<key>2)"}, []string{"no line of 2 is a call", "--pattern", "line 1", `"a"`}},
		"no method column":  {"time,key\n1,a\n", options{Method: "GET"}, []string{"method", `"GET"`, `"time", "key"`}},
		"other method":      {"time,key,method\n1,a,PUT\n", options{Method: "GET"}, []string{"no line of 1 is a call", "another method than GET"}},
		"oracle of text":    {strings.Repeat("this is text, not records\n", 20), options{Format: "oracle"}, []string{"no line of 22", "no index of a next access"}},
		"part of a record":  {"0123456789", options{Format: "oracle"}, []string{"10 of 24 bytes"}},
		"zeros":             {strings.Repeat("\x00", 4800), options{}, []string{"no format"}},
		"a log of errors":   {"[Sun] [error] none\n[Mon] [error] none\n", options{Format: "apache"}, []string{"no line of 2", "line 1", "--pattern"}},
	} {
		t.Run(name, func(t *testing.T) {
			mustSay(t, "the error", refused(t, c.data, c.o).Error(), append(c.want, "a trace")...)
		})
	}
}

func TestReadTraceGivesUpOnRubbish(t *testing.T) {
	line := []byte("no time,x\n")
	endless := io.MultiReader(strings.NewReader("time,key\n"), endlessReader(line))
	_, err := arrival.ReadTraceFrom(t.Context(), endless, "endless", arrival.TraceOptions{})
	var format *arrival.FormatError
	if !errors.As(err, &format) || len(format.Lines) != 3 {
		t.Errorf("an endless trace of bad lines gave %v, want a *FormatError with 3 lines", err)
	}
}

// An endlessReader gives the same text again and again.
type endlessReader []byte

func (r endlessReader) Read(p []byte) (int, error) {
	n := 0
	for n+len(r) <= len(p) {
		n += copy(p[n:], r)
	}
	return n, nil
}

func TestReadTraceReportsAllOptionFaults(t *testing.T) {
	_, err := arrival.ReadTrace(t.Context(), "/nowhere", arrival.TraceOptions{
		Format: "xml", Pattern: "(", TimeUnit: "minutes", Speed: math.NaN(), MaxCalls: -1, MaxDuration: -time.Second,
	})
	if err == nil {
		t.Fatal("ReadTrace took options that are all wrong")
	}
	mustSay(t, "the error", err.Error(), `--format is "xml"`, `--pattern is "("`, `--time-unit is "minutes"`, "--speed is NaN", "MaxCalls is -1", "MaxDuration is -1s")
	var format *arrival.FormatError
	if errors.As(err, &format) {
		t.Errorf("a fault of the options is a *FormatError: %v", err)
	}

	for name, c := range map[string]struct {
		o    arrival.TraceOptions
		want string
	}{
		"pattern without groups":   {arrival.TraceOptions{Pattern: "x"}, "(?P<time>"},
		"pattern missing":          {arrival.TraceOptions{Format: "pattern"}, "no --pattern"},
		"pattern and format":       {arrival.TraceOptions{Format: "csv", Pattern: "(?P<time>.)(?P<key>.)"}, "leave one out"},
		"negative speed":           {arrival.TraceOptions{Speed: -2}, "--speed is -2"},
		"columns of a log":         {arrival.TraceOptions{Format: "nginx", KeyColumn: "7"}, "--key \"7\""},
		"method of oracle":         {arrival.TraceOptions{Format: "oracle", Method: "GET"}, "GET"},
		"method without its group": {arrival.TraceOptions{Pattern: "(?P<time>.)(?P<key>.)", Method: "GET"}, "(?P<method>"},
	} {
		_, err := arrival.ReadTraceFrom(t.Context(), strings.NewReader("x\n"), "a trace", c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) || errors.As(err, &format) {
			t.Errorf("%s: the error is %v, want one with %q", name, err, c.want)
		}
	}
}

func TestReadTraceShowsPlainText(t *testing.T) {
	err := refused(t, "time,key\n\x1b[31mred\xff\x07,x\n", arrival.TraceOptions{})
	for _, r := range err.Error() {
		if r < ' ' && r != '\n' {
			t.Fatalf("the error holds the control character %q: %q", r, err.Error())
		}
	}
}

func TestReadTraceOneLine(t *testing.T) {
	s := read(t, "time,key\n1700000000,a", arrival.TraceOptions{})
	if script(s) != "0s a" || s.Duration != 0 {
		t.Errorf("the calls are %s over %v, want one at 0", script(s), s.Duration)
	}
}
