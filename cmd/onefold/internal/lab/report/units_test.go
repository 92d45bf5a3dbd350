package report_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/report"
)

func TestDurationHasThreeFigures(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                                "0",
		7:                                "7ns",
		999:                              "999ns",
		time.Microsecond:                 "1.00us",
		45_670:                           "45.7us",
		999_499:                          "999us",
		999_500:                          "1.00ms",
		1_234_567:                        "1.23ms",
		99_960 * time.Microsecond:        "100ms",
		120 * time.Millisecond:           "120ms",
		45_600 * time.Millisecond:        "45.6s",
		999 * time.Second:                "999s",
		1000 * time.Second:               "16.7min",
		2 * time.Hour:                    "2.00h",
		-1500 * time.Microsecond:         "-1.50ms",
		math.MaxInt64:                    "106,752d",
		math.MinInt64:                    "-106,752d",
		100 * 24 * time.Hour:             "100d",
		59 * time.Minute:                 "59.0min",
		9_999 * time.Microsecond / 1_000: "10.0us",
	} {
		if got := report.Duration(d); got != want {
			t.Errorf("Duration(%d) = %q, want %q", d, got, want)
		}
	}
}

func TestBetweenNamesTheUnitOnce(t *testing.T) {
	for _, c := range []struct {
		least, most time.Duration
		want        string
	}{
		{44_100 * time.Microsecond, 47_200 * time.Microsecond, "44.1-47.2ms"},
		{900 * time.Microsecond, 2 * time.Millisecond, "900us-2.00ms"},
		{0, 0, "0-0"},
	} {
		if got := report.Between(c.least, c.most); got != c.want {
			t.Errorf("Between(%v, %v) = %q, want %q", c.least, c.most, got, c.want)
		}
	}
}

func TestCountIsExactBelowAMillion(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 7: "7", 999: "999", 1000: "1,000", 43_120: "43,120", 999_999: "999,999",
		1_000_000: "1.00M", 1_234_567: "1.23M", 999_600_000: "1.00G", -5: "-5", -1_234: "-1,234",
		math.MaxInt64: "9.22E", math.MinInt64: "-9.22E",
	} {
		if got := report.Count(n); got != want {
			t.Errorf("Count(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestNumber(t *testing.T) {
	for x, want := range map[float64]string{
		0: "0", 0.004: "0.004", 1.234: "1.23", 11.55: "11.6", 304.2: "304", 1234.4: "1,234", 12e6: "12.0M",
		math.Inf(1): "-", math.Inf(-1): "-", 1e300: "1e+300", -2.5: "-2.50",
	} {
		if got := report.Number(x); got != want {
			t.Errorf("Number(%v) = %q, want %q", x, got, want)
		}
	}
	if got := report.Number(math.NaN()); got != "-" {
		t.Errorf("Number(NaN) = %q, want -", got)
	}
}

func TestPercentNeverRoundsToAllOrNothing(t *testing.T) {
	for x, want := range map[float64]string{
		0: "0%", 1: "100%", 0.5: "50.0%", 0.9996: ">99.9%", 0.0004: "<0.1%", -0.0004: ">-0.1%",
		-0.011: "-1.1%", -10.37: "-1037%", 0.9991: ">99.9%", 1.5: "150%", math.Inf(-1): "-",
	} {
		if got := report.Percent(x); got != want {
			t.Errorf("Percent(%v) = %q, want %q", x, got, want)
		}
	}
	if got := report.Percent(math.NaN()); got != "-" {
		t.Errorf("Percent(NaN) = %q, want -", got)
	}
}

func TestWrapKeepsEveryWord(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"", []string{""}},
		{"one two three four", []string{"one two", "three four"}},
		{"abcdefghijklmnop", []string{"abcdefghij", "klmnop"}},
		{"a \u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9 b", []string{"a \u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9", "b"}},
	} {
		if got := report.Wrap(c.text, 10); !slices.Equal(got, c.want) {
			t.Errorf("Wrap(%q, 10) = %q, want %q", c.text, got, c.want)
		}
	}
}
