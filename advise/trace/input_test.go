package trace_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/onefold-go/onefold/advise/trace"
	"github.com/onefold-go/onefold/advise/trace/tracegen"
)

func gzipped(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func zstded(t testing.TB, text string) string {
	t.Helper()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(z.EncodeAll([]byte(text), nil))
}

func TestPackedFilesAreUnpackedByHowTheyBegin(t *testing.T) {
	text := generate(t, trace.CSV, "", tracegen.Workload{Requests: 8_000})
	for what, packed := range map[string]string{
		"gzip": gzipped(t, text), "zstd": zstded(t, text), "": text,
		"gzip in two parts": gzipped(t, text[:100_000]) + gzipped(t, text[100_000:]),
	} {
		s := open(t, packed, trace.Config{})
		if g := s.Guesses()[0]; !strings.HasPrefix(what, g.Packed) {
			t.Errorf("%s is taken for %q", what, g.Packed)
		}
		if n := len(all(t, s)); n != 8_000 {
			t.Errorf("%s: %d records, want 8000", what, n)
		}
	}
}

func TestWhatCameBeforeABreakIsUsed(t *testing.T) {
	text := generate(t, trace.CSV, "", tracegen.Workload{Requests: 8_000})
	for what, packed := range map[string]string{"gzip": gzipped(t, text), "zstd": zstded(t, text)} {
		s := open(t, packed[:len(packed)/2], trace.Config{})
		n := len(all(t, s))
		sum := s.Summary()
		if n < 400 || n > 7_600 || !sum.Files[0].Truncated || !has(sum, trace.TruncatedFile) {
			t.Errorf("half of the file as %s gives %d records, and %+v", what, n, sum.Findings)
		}
	}
}

func TestBrokenPackingIsAnError(t *testing.T) {
	packed := []byte(gzipped(t, generate(t, trace.CSV, "", tracegen.Workload{Requests: 8_000})))
	packed[len(packed)-8] ^= 1 // the checksum
	s := open(t, string(packed), trace.Config{})
	if _, err := drain(s); !errors.Is(err, gzip.ErrChecksum) || !strings.Contains(err.Error(), "input after") {
		t.Errorf("the error is %v", err)
	}
	for _, start := range []string{"BZh91AY", "\xfd7zXZ\x00", "PK\x03\x04abc"} {
		_, err := trace.OpenReaders([]trace.Input{{Name: "f", Reader: strings.NewReader(start)}}, trace.Config{})
		if err == nil || !strings.Contains(err.Error(), "unpack it") {
			t.Errorf("%q gives %v", start, err)
		}
	}
}

func TestAReadersErrorIsGiven(t *testing.T) {
	text := generate(t, trace.CSV, "", tracegen.Workload{Requests: 8_000})
	fault := errors.New("the disk is gone")
	r := io.MultiReader(strings.NewReader(text), &faulty{fault})
	s, err := trace.OpenReaders([]trace.Input{{Name: "f", Reader: r}}, trace.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := drain(s); !errors.Is(err, fault) {
		t.Errorf("the error is %v", err)
	}
	if _, err := s.Read(make([]trace.Record, 1)); !errors.Is(err, fault) {
		t.Errorf("the error is %v when asked again", err)
	}
}

type faulty struct{ err error }

func (f *faulty) Read([]byte) (int, error) { return 0, f.err }

func TestAnEmptyFile(t *testing.T) {
	for _, text := range []string{"", gzipped(t, ""), "\xef\xbb\xbf"} {
		s := open(t, text, trace.Config{})
		if _, err := drain(s); !errors.Is(err, trace.ErrNoRecords) {
			t.Errorf("%q gives %v", text, err)
		}
		if !has(s.Summary(), trace.EmptyFile) {
			t.Errorf("%q: nothing is said of its being empty", text)
		}
	}
	// Beside others it is no fault.
	s, err := trace.OpenReaders([]trace.Input{{Name: "a", Reader: strings.NewReader("")}, {Name: "b", Reader: strings.NewReader("time,key\n1700000000,a\n")}}, trace.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := all(t, s); len(got) != 1 {
		t.Errorf("%d records, want 1", len(got))
	}
}

func TestTenLines(t *testing.T) {
	for _, f := range formatted {
		if f.format == trace.OTLP {
			continue
		}
		s := open(t, generate(t, f.format, f.dialect, tracegen.Workload{Requests: 10}), trace.Config{})
		if got := all(t, s); len(got) != 10 {
			t.Errorf("%v: %d records, want 10", f.format, len(got))
		}
	}
	for _, text := range []string{"1700000000,a\n", "1700000000,a", "1700000000\ta\r\n", `{"ts":1700000000,"key":"a"}`} {
		s := open(t, text, trace.Config{})
		if got := all(t, s); len(got) != 1 || got[0].Time != 0 {
			t.Errorf("%q gives %+v", text, got)
		}
	}
}

func TestLineEndsAndMarks(t *testing.T) {
	text := generate(t, trace.CSV, "", tracegen.Workload{Seed: 2, Requests: 100})
	want := all(t, open(t, text, trace.Config{Seed: 1}))
	for what, other := range map[string]string{
		"CRLF":         strings.ReplaceAll(text, "\n", "\r\n"),
		"mark":         "\xef\xbb\xbf" + text,
		"no end":       strings.TrimSuffix(text, "\n"),
		"empty lines":  strings.ReplaceAll(text, "\n", "\n\n"),
		"twice a head": text + strings.SplitAfter(text, "\n")[0],
		"with remarks": "# made up\n" + strings.Replace(text, "\n", "\n# more\n", 3),
	} {
		cfg := trace.Config{Seed: 1}
		got := all(t, open(t, other, cfg))
		if len(got) != len(want) || got[50] != want[50] {
			t.Errorf("%s: %d records, the 50th %+v; want %d, %+v", what, len(got), got[min(50, len(got)-1)], len(want), want[50])
		}
	}
}

func TestLinesThatAreTooLong(t *testing.T) {
	long := "1700000005," + strings.Repeat("x", 3<<20) + "\n"
	text := "time,key\n1700000000,a\n" + long + "1700000001,b\n" + strings.TrimSuffix(long, "\n")
	for _, most := range []int{0, 100, 1000} {
		s := open(t, text, trace.Config{MaxLine: most, ShowLines: true})
		got := all(t, s)
		st := s.Summary().Files[0]
		if len(got) != 2 || st.Bad != 2 || !strings.Contains(st.FirstBad[0].Err, "longer than Config.MaxLine") {
			t.Errorf("MaxLine %d: %d records, %+v", most, len(got), st.FirstBad)
		}
	}
	s := open(t, text, trace.Config{MaxLine: 4 << 20})
	if got := all(t, s); len(got) != 4 {
		t.Errorf("%d records where the lines may be so long, want 4", len(got))
	}
}

func TestBytesThatAreNoText(t *testing.T) {
	s := open(t, "time,key\n1700000000,a\n1700000001,\x00\xff\x00\n\x00\x00\x00\n1700000002,b\n", trace.Config{})
	got := all(t, s)
	st := s.Summary().Files[0]
	if len(got) != 3 || st.Bad != 1 || got[1].Key == 0 {
		t.Errorf("%d records, %+v", len(got), st)
	}
	if _, err := trace.OpenReaders([]trace.Input{{Name: "f", Reader: strings.NewReader(strings.Repeat("\x00", 1000))}}, trace.Config{}); err != nil && !errors.Is(err, trace.ErrUnknownFormat) {
		t.Errorf("the error is %v", err)
	}
}

func TestBadLinesAreCountedAndDescribed(t *testing.T) {
	var b strings.Builder
	b.WriteString("time,key\n")
	for i := range 100 {
		fmt.Fprintf(&b, "%d,secret-key\n", 1_700_000_000+i)
		if i%10 == 0 {
			b.WriteString("no time,secret-key\n")
		}
	}
	s := open(t, b.String(), trace.Config{})
	if n := len(all(t, s)); n != 100 {
		t.Errorf("%d records, want 100", n)
	}
	sum := s.Summary()
	st := sum.Files[0]
	if st.Bad != 10 || len(st.FirstBad) != 5 || st.FirstBad[0].Line != 3 {
		t.Errorf("%d bad lines, the first %+v", st.Bad, st.FirstBad)
	}
	for _, f := range sum.Findings {
		if strings.Contains(f.Text, "secret") {
			t.Errorf("a finding shows a key: %s", f.Text)
		}
	}
	s = open(t, b.String(), trace.Config{ShowLines: true, BadLines: 1})
	all(t, s)
	if st := s.Summary().Files[0]; len(st.FirstBad) != 1 || st.FirstBad[0].Text != "no time,secret-key" {
		t.Errorf("the first bad lines are %+v", st.FirstBad)
	}
}

func TestAFileThatIsMostlyBadIsRefused(t *testing.T) {
	good := strings.Repeat("1700000000,a\n", 64)
	for _, text := range []string{
		"time,key\n" + good + strings.Repeat("?\n", 100),
		"time,key\n" + good + strings.Repeat("?\n", 100_000),
	} {
		s := open(t, text, trace.Config{})
		_, err := drain(s)
		var bad *trace.MostlyBadError
		if !errors.As(err, &bad) || bad.Bad < 100 || len(bad.First) != 5 || !strings.Contains(err.Error(), "Config.Format") {
			t.Errorf("the error is %v", err)
		}
	}
}

func TestMixedFormats(t *testing.T) {
	csv := generate(t, trace.CSV, "", tracegen.Workload{Requests: 900})
	other := generate(t, trace.Combined, "", tracegen.Workload{Requests: 100})
	s := open(t, csv+other, trace.Config{})
	if n := len(all(t, s)); n != 900 {
		t.Errorf("%d records, want 900", n)
	}
	if sum := s.Summary(); sum.Files[0].Bad != 100 || !has(sum, trace.BadLines) || sum.Findings[0].Severity != trace.Serious {
		t.Errorf("%d bad lines; %+v", sum.Files[0].Bad, sum.Findings)
	}
}

func TestWhatIsNoTraceIsRefused(t *testing.T) {
	for text, want := range map[string]error{
		"hello\nworld\n":                               trace.ErrUnknownFormat,
		"name,age\nann,7\nbob,9\n":                     trace.ErrNoTime,
		"time,size\n1700000000,1\n":                    trace.ErrNoKey,
		"time,key\n17,a\n18,b\n19,c\n":                 trace.ErrTimeUnit,
		"time,key\nsoon,a\nlater,b\n":                  trace.ErrNoTime,
		`{"a":1,"b":"x"}`:                              trace.ErrNoTime,
		"key,op,size,op_count,key_size\n1,GET,5,1,4\n": trace.ErrNoTime,
	} {
		s, err := trace.OpenReaders([]trace.Input{{Name: "f", Reader: strings.NewReader(text)}}, trace.Config{})
		if err == nil {
			s.Close()
		}
		if !errors.Is(err, want) {
			t.Errorf("%q gives %v, want %v", text, err, want)
		}
	}
}

func TestCloseEndsWhatReadsAhead(t *testing.T) {
	packed := gzipped(t, generate(t, trace.CSV, "", tracegen.Workload{Requests: 60_000}))
	for range 5 {
		s := open(t, packed, trace.Config{Reorder: 16})
		if _, err := s.Read(make([]trace.Record, 10)); err != nil {
			t.Fatal(err)
		}
		s.Close()
		s.Close()
		if _, err := s.Read(make([]trace.Record, 10)); err == nil {
			t.Error("a closed source can be read")
		}
	}
}

func TestStdinIsAFileLikeAnother(t *testing.T) {
	r, w := io.Pipe()
	go func() {
		var err error
		for a := range (tracegen.Workload{Requests: 1000}).All() {
			if _, err = fmt.Fprintf(w, "%d,%d\n", 1_700_000_000_000+int64(a.At/time.Millisecond), a.Key); err != nil {
				break
			}
		}
		w.CloseWithError(err)
	}()
	s, err := trace.OpenReaders([]trace.Input{{Name: "pipe", Reader: r}}, trace.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if n := len(all(t, s)); n != 1000 {
		t.Errorf("%d records, want 1000", n)
	}
}
