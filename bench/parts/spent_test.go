package parts

import (
	"testing"

	"github.com/onefold-go/onefold/bench/internal/meter"
)

// spent begins to count processor time, and gives what ends and reports that.
func spent(b *testing.B) func() {
	began := meter.CPU()
	return func() { b.ReportMetric(float64(meter.CPU()-began)/float64(b.N), "cpu-ns/op") }
}
