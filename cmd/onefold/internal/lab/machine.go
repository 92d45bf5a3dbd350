package lab

import (
	"bufio"
	"os"
	"runtime"
	"strings"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/figures"
)

func machine() figures.Machine {
	return figures.Machine{
		OS:    runtime.GOOS,
		Arch:  runtime.GOARCH,
		CPUs:  runtime.GOMAXPROCS(0),
		Go:    runtime.Version(),
		Model: processor("/proc/cpuinfo"),
	}
}

// processor is the model that a cpuinfo file of Linux names, or empty.
func processor(cpuinfo string) string {
	f, err := os.Open(cpuinfo)
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, value, ok := strings.Cut(lines.Text(), ":")
		if ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
