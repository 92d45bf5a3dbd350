package cli

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// A value is a flag's value. It accepts every text and keeps the fault of one
// that it cannot read, so that all faults of a command line are told at once.
type value[T any] struct {
	v     T
	given string // as the user wrote it; empty: the default stands
	kind  string // in the help: --rate number
	read  func(string) (T, error)
	show  func(T) string
	fault error
}

// Set, String and Type are what package pflag asks of a value.
func (f *value[T]) Set(text string) error {
	v, fault := f.read(strings.TrimSpace(text))
	if fault == nil {
		f.v = v
	}
	f.given, f.fault = text, fault
	return nil
}

func (f *value[T]) String() string {
	if f.show == nil {
		return ""
	}
	return f.show(f.v)
}

func (f *value[T]) Type() string { return f.kind }

// unread is the text that could not be read, and why; nil where there is none.
func (f *value[T]) unread() error {
	if f.fault == nil {
		return nil
	}
	return fmt.Errorf("%q: %w", f.given, f.fault)
}

// text is the value as the user wrote it, for messages.
func (f *value[T]) text() string {
	if f.given != "" {
		return f.given
	}
	return f.String()
}

func number(v float64) value[float64] {
	return value[float64]{v: v, kind: "number", read: readNumber, show: showNumber}
}

func whole(v int) value[int] {
	return value[int]{v: v, kind: "N", read: readWhole, show: strconv.Itoa}
}

func seed(v uint64) value[uint64] {
	return value[uint64]{v: v, kind: "N", read: func(s string) (uint64, error) {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			return 0, errors.New("want a whole number, 0 or more")
		}
		return n, nil
	}, show: func(n uint64) string { return strconv.FormatUint(n, 10) }}
}

func span(v time.Duration) value[time.Duration] {
	return value[time.Duration]{v: v, kind: "duration", read: readSpan, show: time.Duration.String}
}

func share(v float64) value[float64] {
	return value[float64]{v: v, kind: "share", read: readShare, show: showNumber}
}

func readNumber(s string) (float64, error) {
	x, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
		return 0, errors.New("want a number such as 1500 or 0.9")
	}
	return x, nil
}

func showNumber(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

func readWhole(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0, errors.New("want a whole number")
	}
	return n, nil
}

func readSpan(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, errors.New("want a duration with its unit, such as 250ms, 4s or 1m30s")
	}
	return d, nil
}

// readShare reads 0.2 and 20% alike.
func readShare(s string) (float64, error) {
	const want = "want a share from 0 to 1, or from 0% to 100%"
	digits, percent := strings.CutSuffix(s, "%")
	x, err := readNumber(strings.TrimSpace(digits))
	if err != nil {
		return 0, errors.New(want)
	}
	if percent {
		x /= 100
	}
	if x < 0 || x > 1 {
		return 0, errors.New(want)
	}
	return x, nil
}

// A slowness is a share of loads and how much longer they take.
type slowness struct {
	share float64
	by    time.Duration
}

func slow() value[slowness] {
	return value[slowness]{kind: "share:duration", read: readSlowness, show: func(s slowness) string {
		if s == (slowness{}) {
			return ""
		}
		return showNumber(s.share) + ":" + s.by.String()
	}}
}

func readSlowness(s string) (slowness, error) {
	const want = "want a share of the loads and the time they take longer, such as 0.01:500ms"
	p, d, ok := strings.Cut(s, ":")
	if !ok {
		return slowness{}, errors.New(want)
	}
	x, err := readShare(p)
	if err != nil {
		return slowness{}, fmt.Errorf("%s: %w", want, err)
	}
	by, err := readSpan(d)
	if err != nil || by < 0 {
		return slowness{}, fmt.Errorf("%s: the time is %q", want, d)
	}
	return slowness{x, by}, nil
}
