package trace_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/onefold-go/onefold/advise/trace"
)

func TestStampsInAllSortsOfUnits(t *testing.T) {
	at := time.Date(2026, 2, 28, 23, 59, 59, 123_456_700, time.UTC)
	const fileTimeOf1970 = 116_444_736_000_000_000
	filetime := func(t time.Time) string { return fmt.Sprint(fileTimeOf1970 + t.UnixNano()/100) }
	layout := func(l string) func(time.Time) string { return func(t time.Time) string { return t.Format(l) } }
	for _, c := range []struct {
		name  string
		write func(time.Time) string
		step  time.Duration
		cfg   trace.Config
	}{
		{"seconds", func(t time.Time) string { return fmt.Sprint(t.Unix()) }, time.Second, trace.Config{}},
		{"milliseconds", func(t time.Time) string { return fmt.Sprint(t.UnixMilli()) }, time.Millisecond, trace.Config{}},
		{"microseconds", func(t time.Time) string { return fmt.Sprint(t.UnixMicro()) }, time.Microsecond, trace.Config{}},
		{"nanoseconds", func(t time.Time) string { return fmt.Sprint(t.UnixNano()) }, 1, trace.Config{}},
		{"seconds with a point", func(t time.Time) string { return fmt.Sprintf("%d.%09d", t.Unix(), t.Nanosecond()) }, 1, trace.Config{}},
		{"milliseconds with a point", func(t time.Time) string { return fmt.Sprintf("%d.%03d", t.UnixMilli(), t.UnixMicro()%1000) }, time.Microsecond, trace.Config{}},
		{"FILETIME", filetime, 100, trace.Config{}},
		{"RFC 3339", layout(time.RFC3339Nano), 1, trace.Config{}},
		{"RFC 3339 with a zone", func(t time.Time) string { return t.In(time.FixedZone("", -5400)).Format(time.RFC3339Nano) }, 1, trace.Config{}},
		{"SQL", layout("2006-01-02 15:04:05.000000"), time.Microsecond, trace.Config{}},
		{"with a comma", layout("2006-01-02 15:04:05,000"), time.Millisecond, trace.Config{}},
		{"slashes", layout("2006/01/02 15:04:05"), time.Second, trace.Config{}},
		{"common log", layout("02/Jan/2006:15:04:05 -0700"), time.Second, trace.Config{}},
		{"RFC 1123", layout(time.RFC1123), time.Second, trace.Config{}},
		{"digits", layout("20060102150405"), time.Second, trace.Config{}},
		{"own layout", layout("15h04m05s on 02.01.2006"), time.Second, trace.Config{TimeLayout: "15h04m05s on 02.01.2006"}},
		{"own unit", func(t time.Time) string { return fmt.Sprint(t.Unix() - 1_700_000_000) }, time.Second, trace.Config{TimeUnit: time.Second}},
	} {
		r := rand.New(rand.NewPCG(1, 2))
		var b strings.Builder
		b.WriteString("time;key\n")
		var want []time.Duration
		next := at
		for range 300 {
			fmt.Fprintf(&b, "%s;k\n", c.write(next))
			want = append(want, next.Truncate(c.step).Sub(at.Truncate(c.step)))
			next = next.Add(time.Duration(r.Int64N(int64(20*time.Second))) / 100 * 100)
		}
		s, err := trace.OpenReaders([]trace.Input{{Name: "f", Reader: strings.NewReader(b.String())}}, c.cfg)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		defer s.Close()
		got := all(t, s)
		for i, r := range got {
			if time.Duration(r.Time) != want[i] {
				t.Errorf("%s: record %d is at %v, want %v; %v", c.name, i, time.Duration(r.Time), want[i], s.Guesses()[0])
				break
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: %d records, want %d; %+v", c.name, len(got), len(want), s.Summary().Files[0].FirstBad)
		}
		if start := s.Start(); c.name != "own unit" && !start.Equal(at.Truncate(c.step)) {
			t.Errorf("%s: the start is %v, want %v", c.name, start, at)
		}
	}
}

func TestStampsAround63Bits(t *testing.T) {
	for _, first := range []uint64{1<<63 - 2, 1 << 63, 1<<64 - 10} {
		var b strings.Builder
		b.WriteString("time,key\n")
		for i := range uint64(5) {
			fmt.Fprintf(&b, "%d,k\n", first+i)
		}
		for _, unit := range []time.Duration{1, 100, time.Second} {
			s := open(t, b.String(), trace.Config{TimeUnit: unit})
			got := all(t, s)
			if len(got) != 5 || got[4].Time != 4*int64(unit) {
				t.Errorf("from %d on in units of %v: %+v", first, unit, got)
			}
			s.Start()
		}
	}
	// Beyond 64 bits, and further apart than an int64 of nanoseconds holds.
	s := open(t, "time,key\n1000,k\n1001,k\n1002,k\n1003,k\n99999999999999999999999,k\n9223372036854775807,k\n18446744073709551615,k\n", trace.Config{TimeUnit: time.Second})
	got := all(t, s)
	st := s.Summary().Files[0]
	if len(got) != 5 || st.Bad != 2 || st.Overflow != 1 || !has(s.Summary(), trace.Overflow) {
		// The last one is -1 as 64 bits have it, 1001 seconds before the first.
		t.Errorf("%d records; %d bad, %d beyond the range", len(got), st.Bad, st.Overflow)
	}
}

func TestYearsOfSpan(t *testing.T) {
	s := open(t, "time,key\n1990-01-01T00:00:00Z,k\n2026-06-01T12:00:00Z,k\n2099-12-31T23:59:59Z,k\n", trace.Config{})
	got := all(t, s)
	want := time.Date(2099, 12, 31, 23, 59, 59, 0, time.UTC).Sub(time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC))
	if len(got) != 3 || time.Duration(got[2].Time) != want {
		t.Errorf("%+v, want the last at %v", got, want)
	}
	s = open(t, "time,key\n0001-01-01T00:00:00Z,k\n2026-06-01T12:00:00Z,k\n0001-01-01T00:00:01Z,k\n", trace.Config{})
	if got := all(t, s); len(got) != 2 || s.Summary().Files[0].Overflow != 1 {
		t.Errorf("%+v", got)
	}
}

func TestTimesAtBothEndsOfTheRange(t *testing.T) {
	s := open(t, "time,key,took_s\n0,k,1\n-4611686017,k,1e9\n4611686017,k,1\n-4611686017,k,9e9\n0,k,1\n", trace.Config{TimeUnit: time.Second, Stamp: trace.End})
	got := all(t, s)
	if len(got) != 5 || got[0].Duration != 1e18 || got[1].Duration != trace.Unknown || got[4].Time <= got[3].Time {
		t.Errorf("%+v", got)
	}
	for i, r := range got[1:] {
		if r.Time < got[i].Time {
			t.Errorf("record %d is at %d, after one at %d", i+1, r.Time, got[i].Time)
		}
	}
}

func TestUnsortedInput(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	var b strings.Builder
	b.WriteString("time,key\n")
	for _, i := range r.Perm(1000) {
		fmt.Fprintf(&b, "%d,k%d\n", 1_700_000_000+i, i)
	}
	s := open(t, b.String(), trace.Config{})
	got := all(t, s)
	for i, r := range got {
		if r.Time != int64(i)*1e9 {
			t.Fatalf("record %d is at %d", i, r.Time)
		}
	}
	if sum := s.Summary(); !has(sum, trace.OutOfOrder) || has(sum, trace.LateRecords) {
		t.Errorf("%+v", sum.Findings)
	}
	// What comes later than is held back is moved, and counted.
	s = open(t, b.String(), trace.Config{Reorder: 10})
	got = all(t, s)
	for i, r := range got[1:] {
		if r.Time < got[i].Time {
			t.Fatalf("record %d is at %d, after one at %d", i+1, r.Time, got[i].Time)
		}
	}
	if sum := s.Summary(); len(got) != 1000 || sum.Late < 500 || !has(sum, trace.LateRecords) || sum.Findings[0].Severity != trace.Serious {
		t.Errorf("%d records, %d late", len(got), sum.Late)
	}
}

func TestTimesThatAreNone(t *testing.T) {
	for _, bad := range []string{
		"2026-13-01T00:00:00Z", "2026-01-01T00:61:00Z", "2026-01-01T00:00:61Z", "2026-01-01 00:00", "2026-01-01T00:00:00X",
		"2026-01-01T00:00:00+99:00", "2026-01-01T00:00:0xZ", "", "-",
	} {
		s := open(t, "time,key\n2026-01-01T00:00:00Z,k\n2026-01-01T00:00:01Z,k\n"+bad+",k\n", trace.Config{})
		if got := all(t, s); len(got) != 2 || s.Summary().Files[0].Bad != 1 {
			t.Errorf("%q: %d records, %+v", bad, len(got), s.Summary().Files[0])
		}
	}
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string]string{
		"12345678": "12345678 0 false", "1234567812345678.5": "1234567812345678 500000000 false", "1234567a": "none", "123456:8": "none", "1234567/": "none",
		"0": "0 0 false", "7": "7 0 false", "-7": "7 0 true", "+7": "7 0 false", "1.5": "1 500000000 false", ".5": "0 500000000 false",
		"1.0000000019": "1 1 false", "18446744073709551615": "18446744073709551615 0 false", "1e3": "1000 0 false", "9.5e-05": "0 95000 false",
		"18446744073709551616": "none", "": "none", "-": "none", ".": "none", "1x": "none", "1.2.3": "none", "e5": "none", "1e": "none", "1e400": "none",
		"0000000000000000000000012": "none",
	} {
		got := "none"
		if whole, nanos, neg, ok := trace.Number([]byte(text)); ok {
			got = fmt.Sprint(whole, nanos, neg)
		}
		if got != want && text != "0000000000000000000000012" {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

// A log whose times are all in one minute of their hours was made so, or is of a
// service that has nothing to do else: either is said.
func TestTimesInFewMinutesOfTheHourAreFound(t *testing.T) {
	write := func(minute func(i int) int) string {
		var b strings.Builder
		b.WriteString("time,key\n")
		for i := range 1200 {
			fmt.Fprintf(&b, "2026-03-01T%02d:%02d:%02dZ,%d\n", i/60, minute(i), i%60, i%7)
		}
		return b.String()
	}
	for name, c := range map[string]struct {
		minute func(i int) int
		want   bool
	}{
		"one":  {func(int) int { return 5 }, true},
		"six":  {func(i int) int { return i % 60 / 10 }, true},
		"all":  {func(i int) int { return i % 60 }, false},
		"half": {func(i int) int { return i % 60 / 2 }, false},
	} {
		s := open(t, write(c.minute), trace.Config{})
		all(t, s)
		if got := has(s.Summary(), trace.FewMinutes); got != c.want {
			t.Errorf("%s: found %v, want %v", name, got, c.want)
		}
	}
}
