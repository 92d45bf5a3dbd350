package trace_test

import (
	"cmp"
	"encoding/binary"
	"io"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/onefold-go/onefold/advise/trace"
)

func TestOrderIsThatOfAStableSort(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		n, back := r.IntN(200), 1+r.IntN(40)
		in := make([]trace.Record, n)
		for i := range in {
			in[i] = trace.Record{Time: int64(i) + r.Int64N(int64(back)/2+1), Key: uint64(i)}
		}
		left := in
		o := trace.NewOrder(back, func(dst []trace.Record) (int, error) {
			k := min(len(dst), len(left), 1+r.IntN(50))
			if k == 0 {
				return 0, io.EOF
			}
			copy(dst, left[:k])
			left = left[k:]
			return k, nil
		})
		var got []trace.Record
		for {
			b := make([]trace.Record, 1+r.IntN(30))
			k, err := o.Read(b)
			got = append(got, b[:k]...)
			if err != nil {
				break
			}
		}
		want := slices.Clone(in)
		slices.SortStableFunc(want, func(a, b trace.Record) int { return cmp.Compare(a.Time, b.Time) })
		if !slices.Equal(got, want) || o.Late() != 0 {
			t.Fatalf("seed %d: %d records held back of %d: the order is not that of a sort; %d late", seed, back, n, o.Late())
		}
	}
}

func TestDistinctIsExactAndThenClose(t *testing.T) {
	for _, n := range []int{0, 1, 100, 4096, 5000, 100_000, 1_000_000} {
		d := trace.NewDistinct(4096)
		var b [8]byte
		for i := range n {
			binary.LittleEndian.PutUint64(b[:], uint64(i))
			h := trace.HashOf(uint64(n)+1, b[:])
			d.Add(h)
			d.Add(h)
		}
		got := float64(d.Count())
		if d.Exact() && got != float64(n) || n <= 4096 != d.Exact() {
			t.Errorf("%d are counted as %v, exact: %v", n, got, d.Exact())
		}
		if off := math.Abs(got-float64(n)) / float64(max(n, 1)); off > 0.03 {
			t.Errorf("%d are estimated as %v, off by %.3f", n, got, off)
		}
	}
}

// A change of any bit of a text, and of the seed, must turn about half of the
// bits of its hash: what counts distinct keys and samples them relies on it.
func TestHashesSpread(t *testing.T) {
	for _, size := range []int{1, 3, 4, 7, 8, 9, 16, 17, 24, 25, 32, 40} {
		r := rand.New(rand.NewPCG(uint64(size), 9))
		turned, tries := 0, 0
		text := make([]byte, size)
		for range 200 {
			for i := range text {
				text[i] = byte(r.Uint32())
			}
			h := trace.HashOf(5, text)
			bit := r.IntN(size * 8)
			text[bit/8] ^= 1 << (bit % 8)
			if h == trace.HashOf(5, text) {
				t.Errorf("two texts of %d bytes that differ in bit %d have one hash", size, bit)
			}
			turned += bits.OnesCount64(h ^ trace.HashOf(5, text))
			turned += bits.OnesCount64(trace.HashOf(6, text) ^ trace.HashOf(5, text))
			tries += 2
		}
		if mean := float64(turned) / float64(tries); mean < 29 || mean > 35 {
			t.Errorf("%d bytes: a change turns %.1f bits of 64", size, mean)
		}
	}
	if trace.HashOf(1, []byte("a")) == trace.HashOf(1, []byte("a\x00")) {
		t.Error("a text and the same with a zero behind it have one hash")
	}
}

func TestGapBuckets(t *testing.T) {
	last := -1
	for gap := int64(1); gap > 0 && gap < 1<<62; gap += gap/5 + 1 {
		i, floor := trace.Bucket(gap)
		if i < last || floor > gap || float64(floor) < 0.75*float64(gap)-1 {
			t.Fatalf("a gap of %d is in bucket %d from %d", gap, i, floor)
		}
		last = i
	}
}

func TestPlainNames(t *testing.T) {
	for name, want := range map[string]struct {
		plain string
		unit  int64
	}{
		"Time": {"time", 0}, "time_ns": {"time", 1}, "durationMs": {"duration", 1e6}, "latency (s)": {"latency_(s)", 0},
		"startTimeUnixNano": {"start_time_unix", 1}, "X-Cache": {"x_cache", 0}, "# time": {"time", 0}, "http.request.method": {"http_request_method", 0},
		"ns": {"ns", 0}, "elapsed_us": {"elapsed", 1e3}, "ttl_seconds": {"ttl", 1e9}, "msec": {"msec", 0},
	} {
		plain, unit := trace.PlainName(name)
		if plain != want.plain || unit != want.unit {
			t.Errorf("%q is %q in units of %d, want %q, %d", name, plain, unit, want.plain, want.unit)
		}
	}
}
