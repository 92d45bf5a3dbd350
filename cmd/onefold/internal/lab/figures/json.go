package figures

import (
	"bytes"
	"encoding/json"
	"math"
)

// JSON has no NaN and no infinity, and encoding/json refuses to write them. A
// figure that is not a finite number is therefore left out, and one that is
// left out is read back as NaN. In a series, where leaving one out would move
// the others, it is null.

// number is a float64 that JSON can hold whatever its value.
type number float64

// IsZero reports that there is no number to write: it is what omitzero asks.
func (n number) IsZero() bool { return math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) }

func (n number) MarshalJSON() ([]byte, error) {
	if n.IsZero() {
		return []byte("null"), nil
	}
	return marshal(float64(n))
}

func (n *number) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		*n = number(math.NaN())
		return nil
	}
	return json.Unmarshal(text, (*float64)(n))
}

// marshal writes v without the escapes for HTML, which the caller's encoder
// adds if it wants them.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// numbers is a series; it is written as [] where it is nil.
type numbers []number

func toNumbers(s []float64) numbers {
	out := make(numbers, len(s))
	for i, v := range s {
		out[i] = number(v)
	}
	return out
}

func (s numbers) floats() []float64 {
	out := make([]float64, len(s))
	for i, v := range s {
		out[i] = float64(v)
	}
	return out
}

// The plain types have the fields of the full ones, without the methods.
type (
	plainReport Report
	plainResult Result
	plainSetup  Setup
)

// resultJSON is a Result in JSON: its own fields hide those of the same name.
type resultJSON struct {
	plainResult

	Saved      number  `json:"saved,omitzero"`
	Coalescing number  `json:"coalescing_ratio,omitzero"`
	HitRatio   number  `json:"hit_ratio,omitzero"`
	Allocs     number  `json:"allocs_call,omitzero"`
	CCDF       []Point `json:"ccdf"`
	Loading    numbers `json:"loading"`
	InFlight   numbers `json:"inflight"`
}

// setupJSON is a Setup in JSON, made as resultJSON is.
type setupJSON struct {
	plainSetup

	Cancel     number `json:"cancel,omitzero"`
	Invalidate number `json:"invalidate,omitzero"`
	Fail       number `json:"fail,omitzero"`
	Slow       number `json:"slow,omitzero"`
}

// pointJSON is a Point in JSON.
type pointJSON struct {
	X number `json:"x"`
	Y number `json:"y"`
}

// MarshalJSON writes lists that are nil as [], so that readers need not ask.
func (r Report) MarshalJSON() ([]byte, error) {
	if r.Command == nil {
		r.Command = []string{}
	}
	if r.Results == nil {
		r.Results = []Result{}
	}
	return marshal(plainReport(r))
}

// MarshalJSON leaves out figures that are not finite numbers.
func (r Result) MarshalJSON() ([]byte, error) {
	if r.CCDF == nil {
		r.CCDF = []Point{}
	}
	return marshal(resultJSON{
		plainResult: plainResult(r),
		Saved:       number(r.Saved),
		Coalescing:  number(r.Coalescing),
		HitRatio:    number(r.HitRatio),
		Allocs:      number(r.Allocs),
		CCDF:        r.CCDF,
		Loading:     toNumbers(r.Loading),
		InFlight:    toNumbers(r.InFlight),
	})
}

// UnmarshalJSON reads figures that are absent as NaN.
func (r *Result) UnmarshalJSON(text []byte) error {
	absent := number(math.NaN())
	j := resultJSON{Saved: absent, Coalescing: absent, HitRatio: absent, Allocs: absent}
	if err := json.Unmarshal(text, &j); err != nil {
		return err
	}
	*r = Result(j.plainResult)
	r.Saved, r.Coalescing, r.HitRatio, r.Allocs = float64(j.Saved), float64(j.Coalescing), float64(j.HitRatio), float64(j.Allocs)
	r.CCDF, r.Loading, r.InFlight = j.CCDF, j.Loading.floats(), j.InFlight.floats()
	return nil
}

// MarshalJSON leaves out shares and rates that are not finite numbers.
func (s Setup) MarshalJSON() ([]byte, error) {
	return marshal(setupJSON{
		plainSetup: plainSetup(s),
		Cancel:     number(s.Cancel),
		Invalidate: number(s.Invalidate),
		Fail:       number(s.Fail),
		Slow:       number(s.Slow),
	})
}

// UnmarshalJSON reads shares and rates that are absent as NaN.
func (s *Setup) UnmarshalJSON(text []byte) error {
	absent := number(math.NaN())
	j := setupJSON{Cancel: absent, Invalidate: absent, Fail: absent, Slow: absent}
	if err := json.Unmarshal(text, &j); err != nil {
		return err
	}
	*s = Setup(j.plainSetup)
	s.Cancel, s.Invalidate, s.Fail, s.Slow = float64(j.Cancel), float64(j.Invalidate), float64(j.Fail), float64(j.Slow)
	return nil
}

// MarshalJSON writes a coordinate that is not a finite number as null.
func (p Point) MarshalJSON() ([]byte, error) {
	return marshal(pointJSON{number(p.X), number(p.Y)})
}

// UnmarshalJSON reads a coordinate that is null as NaN.
func (p *Point) UnmarshalJSON(text []byte) error {
	var j pointJSON
	if err := json.Unmarshal(text, &j); err != nil {
		return err
	}
	*p = Point{float64(j.X), float64(j.Y)}
	return nil
}
