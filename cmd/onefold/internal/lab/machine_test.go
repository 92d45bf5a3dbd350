package lab_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab"
)

func TestProcessor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cpuinfo")
	text := "processor\t: 0\nvendor_id\t: Example\nmodel name\t: Example 3000 @ 2.00GHz\nflags\t\t: a b\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, want := lab.Processor(path), "Example 3000 @ 2.00GHz"; got != want {
		t.Errorf("Processor = %q, want %q", got, want)
	}
	if got := lab.Processor(path + " that is not there"); got != "" {
		t.Errorf("Processor of no file = %q, want none", got)
	}
}

func TestUsageCountsAllocations(t *testing.T) {
	const objects = 10_000
	before := lab.ReadUsage()
	kept := make([]*[64]byte, 0, objects)
	for range objects {
		kept = append(kept, new([64]byte))
	}
	if got := lab.ReadUsage().Objects() - before.Objects(); got < objects*9/10 {
		t.Errorf("%d objects were counted for %d allocations", got, len(kept))
	}
}
