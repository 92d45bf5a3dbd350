package advise_test

import (
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/onefold-go/onefold/advise"
	"github.com/onefold-go/onefold/advise/sim"
	"github.com/onefold-go/onefold/advise/trace"
)

// A made is a trace made here: records in the order of time.
type made struct {
	random  *rand.Rand
	records []trace.Record
	read    int
}

func (m *made) Read(records []trace.Record) (int, error) {
	n := copy(records, m.records[m.read:])
	if m.read += n; n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// again is the same trace, to be read once more.
func (m *made) again() *made { m.read = 0; return m }

func maker(seed uint64) *made { return &made{random: rand.New(rand.NewPCG(seed, 7))} }

// add adds a request as files have it: what is not told is unknown.
func (m *made) add(t time.Duration, key uint64) *trace.Record {
	m.records = append(m.records, trace.Record{Time: int64(t), Key: hash(key), Duration: trace.Unknown, TTL: trace.Unknown, Size: trace.Unknown})
	return &m.records[len(m.records)-1]
}

func hash(x uint64) uint64 {
	x = (x + 1) * 0x9e3779b97f4a7c15
	return x ^ x>>29
}

// poisson has keys asked for at random instants, rate a second.
func (m *made) poisson(rate float64, length time.Duration, key func() uint64) *made {
	for t := 0.0; ; {
		t += m.random.ExpFloat64() / rate
		if t >= length.Seconds() {
			return m
		}
		m.add(time.Duration(t*1e9), key())
	}
}

// zipf draws keys as skewed as web traffic.
func (m *made) zipf(s float64, keys uint64) func() uint64 {
	z := rand.NewZipf(m.random, s, 4, keys-1)
	return z.Uint64
}

func loader(t testing.TB, text string) *sim.Loader {
	t.Helper()
	l, err := sim.ParseLoader(text)
	if err != nil {
		t.Fatal(err)
	}
	return &l
}

var safe = advise.AllSafe("made for a test")

func report(t testing.TB, m *made, c advise.Config) *advise.Report {
	t.Helper()
	if c.CurveRequests == 0 {
		c.CurveRequests = 4000 // so that tests are quick
	}
	r, err := advise.Run(m, c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func want(t *testing.T, r *advise.Report, classes ...advise.Class) {
	t.Helper()
	t.Log(r.Verdict.Sentence)
	for _, c := range classes {
		if r.Verdict.Class == c {
			return
		}
	}
	t.Errorf("verdict %s, want %v", r.Verdict.Class, classes)
	for _, reason := range r.Verdict.Reasons {
		t.Logf("%v %s: %s", reason.Held, reason.Class, reason.Condition)
	}
}
