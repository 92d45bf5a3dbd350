// Package advising is onefold advise: it reads what the user says and what the
// trace says, asks the rest, and prints the verdict.
package advising

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"go.yaml.in/yaml/v3"

	"github.com/onefold-go/onefold/advise"
	"github.com/onefold-go/onefold/advise/sim"
)

// Settings are what a file says, and flags over it. Empty and zero mean that
// nothing was said.
type Settings struct {
	Policy     Policy            `json:"policy"`
	Safety     advise.Safety     `json:"safety"`
	Thresholds advise.Thresholds `json:"thresholds"`

	measured *measured // what Config read of a file of latencies; nil for none
}

// Policy is the part that the service's owner decides.
type Policy struct {
	TTL           string  `json:"ttl"` // a duration, "forever" or "none"
	MaxStale      string  `json:"max_stale"`
	SLO           string  `json:"slo"`    // "p99<50ms"
	Loader        string  `json:"loader"` // "20ms", "p50=20ms,p99=200ms", or a file of latencies
	MaxConcurrent int     `json:"source_max_concurrent"`
	MaxRPS        float64 `json:"source_max_rps"`
	Processes     int     `json:"processes"`
	Routing       string  `json:"routing"` // "random" or "key"
	Entries       int64   `json:"entries"`
	Memory        string  `json:"memory"` // "512MiB"
	Start         string  `json:"start"`  // "cold" or "warm"
	Current       string  `json:"current"`
	Seed          uint64  `json:"seed"`
}

// ReadSettings reads a TOML, YAML or JSON file, by its name's ending. A name that
// means nothing is an error: it may be a misspelt answer.
func ReadSettings(path string) (Settings, error) {
	var s Settings
	text, err := os.ReadFile(path)
	if err != nil {
		return s, err
	}
	var raw any
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".toml":
		var m map[string]any
		err = toml.Unmarshal(text, &m)
		raw = m
	case ".yaml", ".yml":
		err = yaml.Unmarshal(text, &raw)
	case ".json":
		err = json.Unmarshal(text, &raw)
	default:
		return s, fmt.Errorf("%s: settings are .toml, .yaml or .json, not %q", path, ext)
	}
	if err != nil {
		return s, fmt.Errorf("%s: %w", path, err)
	}
	if m, ok := raw.(map[string]any); ok {
		shorthands(m["safety"])
	}
	if raw == nil {
		return s, nil
	}
	// Through JSON, so that one struct says what may stand in either.
	b, err := json.Marshal(raw)
	if err != nil {
		return s, fmt.Errorf("%s: %w", path, err)
	}
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil && !errors.Is(err, io.EOF) {
		return s, fmt.Errorf("%s: %s; there are [policy], [safety] and [thresholds], see onefold advise --help", path, strings.TrimPrefix(err.Error(), "json: "))
	}
	return s, nil
}

// shorthands lets an answer be written as one text, "yes: reads only".
func shorthands(safety any) {
	m, ok := safety.(map[string]any)
	if !ok {
		return
	}
	for id, v := range m {
		switch v := v.(type) {
		case string:
			answer, because, _ := strings.Cut(v, ":")
			m[id] = map[string]any{"answer": strings.TrimSpace(answer), "because": strings.TrimSpace(because)}
		case bool: // YAML's yes and no
			m[id] = map[string]any{"answer": map[bool]string{true: "yes", false: "no"}[v]}
		}
	}
}

// Answer takes an answer as a flag has it: "same_for_all=yes: no user in it".
func (s *Settings) Answer(text string) error {
	id, value, ok := strings.Cut(text, "=")
	reply := s.Safety.Reply(id)
	if !ok || reply == nil {
		var ids []string
		for _, q := range advise.Questions() {
			ids = append(ids, q.ID)
		}
		return fmt.Errorf("--answer is %q, want QUESTION=yes|no|unknown[: reason] with one of %s", text, strings.Join(ids, ", "))
	}
	answer, because, _ := strings.Cut(value, ":")
	if err := reply.Answer.UnmarshalText([]byte(strings.TrimSpace(answer))); err != nil {
		return fmt.Errorf("--answer is %q, want yes, no or unknown after the =", text)
	}
	reply.Because = strings.TrimSpace(because)
	return nil
}

// Threshold takes a threshold as a flag has it: "saved_share=0.1".
func (s *Settings) Threshold(text string) error {
	name, value, _ := strings.Cut(text, "=")
	b, err := json.Marshal(map[string]json.RawMessage{name: json.RawMessage(value)})
	if err == nil {
		d := json.NewDecoder(bytes.NewReader(b))
		d.DisallowUnknownFields()
		err = d.Decode(&s.Thresholds)
	}
	if err != nil {
		var names []string
		for _, f := range reflect.VisibleFields(reflect.TypeFor[advise.Thresholds]()) {
			names = append(names, f.Tag.Get("json"))
		}
		return fmt.Errorf("--threshold is %q, want NAME=NUMBER with one of %s", text, strings.Join(names, ", "))
	}
	return nil
}

// Config is what the settings mean to the study. All that is wrong is reported
// together. It reads the file of latencies, where there is one.
func (s *Settings) Config() (advise.Config, error) {
	var faults []error
	duration := func(name, text string) time.Duration {
		if text == "" {
			return 0
		}
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 {
			faults = append(faults, fmt.Errorf("%s is %q, want a duration such as 30s or 5m", name, text))
		}
		return d
	}
	p := &s.Policy
	c := advise.Config{
		MaxStale:  duration("max_stale", p.MaxStale),
		Source:    advise.Source{MaxConcurrent: p.MaxConcurrent, MaxRPS: p.MaxRPS},
		Processes: p.Processes, Entries: p.Entries, Seed: p.Seed,
		Safety: s.Safety, Thresholds: s.Thresholds,
	}
	var err error
	if c.TTL, err = ttl(p.TTL); err != nil {
		faults = append(faults, err)
	}
	if c.SLO, err = slo(p.SLO); err != nil {
		faults = append(faults, err)
	}
	if p.Loader != "" {
		l, err := s.loader()
		if err != nil {
			faults = append(faults, fmt.Errorf("loader: %w", err))
		}
		c.Loader = &l
	}
	if c.MemoryBytes, err = size(p.Memory); err != nil {
		faults = append(faults, err)
	}
	switch p.Routing {
	case "", "random":
	case "key":
		c.Routing = sim.RouteByKey
	default:
		faults = append(faults, fmt.Errorf("routing is %q, want random or key", p.Routing))
	}
	switch p.Start {
	case "", "cold":
	case "warm":
		c.Start = sim.Warm
	default:
		faults = append(faults, fmt.Errorf("start is %q, want cold or warm", p.Start))
	}
	if p.Current != "" {
		if c.Current, err = arm(p.Current, c.TTL); err != nil {
			faults = append(faults, err)
		}
	}
	if len(faults) == 0 {
		faults = append(faults, c.Validate())
	}
	return c, errors.Join(faults...)
}

func ttl(text string) (time.Duration, error) {
	switch text {
	case "", "none", "0":
		return 0, nil
	case "forever":
		return sim.Forever, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("ttl is %q, want the greatest age that a value may have, such as 5m, or forever, or none", text)
	}
	return d, nil
}

// slo reads "p99<50ms".
func slo(text string) (advise.SLO, error) {
	if text == "" {
		return advise.SLO{}, nil
	}
	q, limit, ok := strings.Cut(strings.ReplaceAll(text, " ", ""), "<")
	limit = strings.TrimPrefix(limit, "=")
	n, err := strconv.ParseFloat(strings.TrimPrefix(q, "p"), 64)
	d, err2 := time.ParseDuration(limit)
	// p999 is 99.9 %, as it is spoken.
	for n >= 100 {
		n /= 10
	}
	if !ok || err != nil || err2 != nil || n <= 0 || d <= 0 {
		return advise.SLO{}, fmt.Errorf("slo is %q, want one such as p99<50ms", text)
	}
	return advise.SLO{Quantile: n / 100, Limit: d}, nil
}

// size reads "512MiB".
func size(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	units := []struct {
		name  string
		bytes float64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}, {"", 1}}
	for _, u := range units {
		if number, ok := strings.CutSuffix(text, u.name); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
			if err != nil || n < 0 || n*u.bytes > 1<<60 {
				break
			}
			return int64(n * u.bytes), nil
		}
	}
	return 0, fmt.Errorf("memory is %q, want a size such as 512MiB", text)
}

// arm reads how requests are served today: "ttl=5m,coalesce,jitter=0.1,early=1,stale=10s,wait=50ms".
func arm(text string, allowed time.Duration) (*sim.Arm, error) {
	a := &sim.Arm{Name: "current", TTL: allowed}
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		var err error
		switch name {
		case "ttl":
			a.TTL, err = ttl(value)
		case "coalesce":
			a.Coalesce = value != "no" && value != "false"
		case "jitter":
			a.Jitter, err = strconv.ParseFloat(value, 64)
		case "early":
			a.Early, err = strconv.ParseFloat(value, 64)
		case "stale":
			a.Stale, err = time.ParseDuration(value)
		case "wait":
			a.Wait, err = time.ParseDuration(value)
		default:
			err = errors.New("no such part")
		}
		if err != nil {
			return nil, fmt.Errorf("current is %q, and %q in it is none of ttl=5m, coalesce, jitter=0.1, early=1, stale=10s, wait=50ms", text, part)
		}
	}
	return a, nil
}
