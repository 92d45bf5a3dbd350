package record_test

import (
	"io"
	"testing"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/record"
)

// What a recorded event costs its caller. Parallel, as calls are.
func BenchmarkCall(b *testing.B) {
	for name, cfg := range map[string]record.Config{"recorded": {}, "skipped": {HeadKeys: 1, TailShare: 1e-9}} {
		b.Run(name, func(b *testing.B) {
			r, err := record.New(io.Discard, cfg)
			if err != nil {
				b.Fatal(err)
			}
			h := r.Hooks(onefold.Hooks{})
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				var key uint64
				for pb.Next() {
					key += 0x9e3779b97f4a7c15
					h.Call(event(key))
				}
			})
			if err := r.Close(); err != nil {
				b.Fatal(err)
			}
			s := r.Stats()
			b.ReportMetric(float64(s.Dropped)/float64(b.N), "dropped/op")
		})
	}
}
