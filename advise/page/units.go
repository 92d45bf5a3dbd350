package page

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/onefold-go/onefold/advise"
	"github.com/onefold-go/onefold/advise/sim"
)

// duration writes a time in three digits or so.
func duration(d time.Duration) string {
	if d == sim.Forever {
		return "no limit"
	}
	if d < 0 {
		return "-" + duration(-max(d, -sim.Forever))
	}
	unit := time.Duration(1)
	for d >= 1000*unit && unit < time.Second {
		unit *= 10
	}
	if d >= 100*time.Second {
		unit = time.Second
	}
	if d >= 48*time.Hour {
		days := d.Round(time.Hour)
		if h := days % (24 * time.Hour); h != 0 {
			return fmt.Sprintf("%dd%dh", days/(24*time.Hour), h/time.Hour)
		}
		return fmt.Sprintf("%dd", days/(24*time.Hour))
	}
	s := d.Round(unit).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	if s == "0s" {
		return "0"
	}
	return s
}

// nanos is duration for a figure in ns.
func nanos(v float64) string {
	if !finite(v) || math.Abs(v) >= float64(sim.Forever) {
		return number(v)
	}
	return duration(time.Duration(math.Round(v)))
}

// number writes a figure in three digits or so, and long ones in groups of
// three.
func number(v float64) string {
	switch a := math.Abs(v); {
	case !finite(v):
		return "not known"
	case a < 1e15 && (a >= 99.5 || v == math.Trunc(v)):
		return whole(int64(math.Round(v)))
	default:
		return plain(v, 3)
	}
}

// plain writes a small figure in so many digits without an exponent.
func plain(v float64, digits int) string {
	a := math.Abs(v)
	switch {
	case a < 1e-9:
		return "0"
	case a >= 1e15:
		return strconv.FormatFloat(v, 'g', digits, 64)
	}
	after := max(0, digits-1-int(math.Floor(math.Log10(a))))
	s := strconv.FormatFloat(v, 'f', after, 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

func whole(n int64) string {
	s := strconv.FormatInt(n, 10)
	from := 0
	if n < 0 {
		from = 1
	}
	for i := len(s) - 3; i > from; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// brief writes a round figure in few letters, for axes: 5k.
func brief(v float64) string {
	x := v
	for _, unit := range []string{"", "k", "M", "G", "T"} {
		if math.Abs(x) < 999.5 {
			return plain(x, 3) + unit
		}
		x /= 1000
	}
	return strconv.FormatFloat(v, 'g', 2, 64)
}

// percent writes a share.
func percent(v float64) string {
	switch {
	case !finite(v):
		return "not known"
	case v != 0 && math.Abs(v) < 0.0995:
		return plain(100*v, 2) + " %"
	}
	return plain(100*v, 3) + " %"
}

func perSecond(v float64) string { return number(v) + "/s" }

// in gives how figures of a unit are written.
func in(unit string) func(float64) string {
	switch unit {
	case "%":
		return percent
	case "ns":
		return nanos
	case "1/s":
		return perSecond
	case "":
		return number
	}
	return func(v float64) string { return number(v) + " " + unit }
}

// of is in for a figure with what it may be: shares have a tenth of a percent, if
// any end of them has, since more digits of the other say nothing.
func of(unit string, i advise.Interval) func(float64) string {
	if unit != "%" || max(i.Value, i.High) < 0.001 {
		return in(unit)
	}
	return func(v float64) string { return percent(math.Round(1000*v) / 1000) }
}

// bounds writes what a figure may be; nothing where there is no doubt of it.
func bounds(i advise.Interval, write func(float64) string) string {
	if low, high := write(i.Low), write(i.High); i.Low != i.High && (low != high || low != write(i.Value)) {
		return low + " to " + high
	}
	return ""
}

// value writes a figure that may not be known.
func value(i advise.Interval, write func(float64) string) string {
	if !i.Known() {
		return "not known"
	}
	return write(i.Value)
}

// rated writes a rate of a report.
func rated(r *advise.Report, v float64, write func(float64) string) string {
	if r.Trace.RateUnknown {
		return "not known: no time passes"
	}
	return write(v)
}

// span writes a figure and what it may be.
func span(i advise.Interval, write func(float64) string) string {
	if b := bounds(i, write); b != "" {
		return write(i.Value) + " (" + b + ")"
	}
	return value(i, write)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
