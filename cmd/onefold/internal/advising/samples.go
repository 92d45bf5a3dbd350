package advising

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/onefold-go/onefold/advise"
	"github.com/onefold-go/onefold/advise/sim"
)

// Limits of a file of latencies.
const (
	maxSamples  = 10_000_000
	maxLine     = 1 << 16
	toldSamples = 3 // bad lines that are told
)

// A measured is a file of latencies that was read.
type measured struct {
	file     advise.File
	findings []advise.Finding
}

// loader reads what --loader says: "20ms", "p50=20ms,p99=200ms", or the name of a
// file of latencies.
func (s *Settings) loader() (sim.Loader, error) {
	text := s.Policy.Loader
	l, err := sim.ParseLoader(text)
	if err == nil || strings.Contains(text, "=") {
		return l, err
	}
	file, err := os.Open(text)
	if errors.Is(err, os.ErrNotExist) {
		return l, fmt.Errorf("%q is no duration, as 20ms, no quantiles, as p50=20ms,p99=200ms, and no file of latencies, one to a line", text)
	}
	if err != nil {
		return l, err
	}
	defer func() { _ = file.Close() }()
	l, read, err := samples(file, filepath.Base(text))
	s.measured = read
	return l, err
}

// samples reads latencies, one to a line with its unit, as 12.5ms. Empty lines and
// those that begin with # say nothing. Lines that are no latency are counted, and
// the first few told; a file that has as many of them as of others is refused.
func samples(r io.Reader, name string) (sim.Loader, *measured, error) {
	sum := sha256.New()
	lines := bufio.NewScanner(io.TeeReader(r, sum))
	lines.Buffer(nil, maxLine)
	var (
		latencies []int64
		told      []string
		bad, at   int64
	)
	for lines.Scan() {
		at++
		text := strings.TrimSpace(lines.Text())
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		d, err := latency(text)
		if err != nil {
			if bad++; bad <= toldSamples {
				told = append(told, fmt.Sprintf("line %d: %v", at, err))
			}
			continue
		}
		if len(latencies) == maxSamples {
			return sim.Loader{}, nil, fmt.Errorf("%s has more than %d latencies: leave out all but each tenth", name, maxSamples)
		}
		latencies = append(latencies, int64(d))
	}
	if err := lines.Err(); err != nil {
		return sim.Loader{}, nil, fmt.Errorf("%s, line %d: %w", name, at+1, err)
	}
	if good := int64(len(latencies)); good == 0 && bad == 0 {
		return sim.Loader{}, nil, fmt.Errorf("%s has no latencies, want one to a line, as 12.5ms", name)
	} else if bad >= good {
		return sim.Loader{}, nil, fmt.Errorf("%s: %d of %d lines are no latency: %s", name, bad, bad+good, strings.Join(told, "; "))
	}
	m := &measured{file: advise.File{Name: name, Format: "latencies", SHA256: hex.EncodeToString(sum.Sum(nil)), Records: int64(len(latencies)), Bad: bad}}
	if bad > 0 {
		m.findings = append(m.findings, advise.Finding{
			Severity: "caution",
			Text:     fmt.Sprintf("%d of %d lines of %s are no latency and were left out: %s", bad, bad+int64(len(latencies)), name, strings.Join(told, "; ")),
			Remedy:   "write one to a line, with its unit, as 12.5ms",
		})
	}
	l, err := sim.Samples(latencies)
	return l, m, err
}

func latency(text string) (time.Duration, error) {
	d, err := time.ParseDuration(strings.ReplaceAll(text, " ", ""))
	switch {
	case err != nil && strings.Trim(text, "0123456789.+-eE") == "":
		return 0, fmt.Errorf("%q has no unit", cut(text, 24))
	case err != nil:
		return 0, fmt.Errorf("%q is no duration", cut(text, 24))
	case d < 0:
		return 0, fmt.Errorf("%q is less than 0", cut(text, 24))
	case d > sim.MaxLatency:
		return 0, fmt.Errorf("%q is more than %v", cut(text, 24), sim.MaxLatency)
	}
	return d, nil
}

// Read adds what was read beside the trace to what a report has of its input.
func (s *Settings) Read(in *advise.Input) {
	if s.measured != nil {
		in.Files = append(in.Files, s.measured.file)
		in.Findings = append(in.Findings, s.measured.findings...)
	}
}
