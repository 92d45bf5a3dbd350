package trace

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// detect says what a file that begins with sample is, and why; Auto when it is
// nothing known.
func detect(sample []byte, lines [][]byte, cfg *Config) (Format, string) {
	if n, ok := looksOracle(sample); ok {
		return OracleGeneral, fmt.Sprintf("it is no text, and its first %d records of 24 bytes are in order of time", n)
	}
	if len(lines) == 0 {
		return Auto, ""
	}
	if why, ok := looksRecorded(lines); ok {
		return Recording, why
	}
	if bytes.Contains(sample, []byte(`"resourceSpans"`)) || bytes.Contains(sample, []byte(`"resource_spans"`)) {
		return OTLP, "it has resourceSpans"
	}
	best, bestHits := Auto, 0
	for _, try := range recognizers {
		hits := 0
		for _, line := range lines {
			if try.is(line) {
				hits++
			}
		}
		if hits > bestHits {
			best, bestHits = try.format, hits
		}
	}
	if bestHits*4 >= len(lines) {
		return refine(best, lines), fmt.Sprintf("%d of its first %d lines follow that form", bestHits, len(lines))
	}
	for _, line := range lines {
		if openStackLine.Match(line) {
			return OpenStack, "it has lines of a wsgi.server with status, len and time"
		}
	}
	if delim, columns := delimiterOf(lines, cfg); delim != 0 {
		return csvKind(lines, delim), fmt.Sprintf("its lines have %d columns with %s between them", columns, delimName(delim))
	}
	return Auto, ""
}

var openStackLine = regexp.MustCompile(openStack)

// looksOracle reports whether b is oracleGeneral: no text, and in order of time.
func looksOracle(b []byte) (records int, ok bool) {
	n := min(len(b)/oracleSize, 1000)
	if n == 0 {
		return 0, false
	}
	control := 0
	for _, c := range b[:n*oracleSize] {
		if c < 9 || c > 13 && c < 32 && c != 27 {
			control++
		}
	}
	if control*8 < n*oracleSize {
		return 0, false
	}
	le := binary.LittleEndian
	last := uint32(0)
	later := 0
	for i := range n {
		r := b[i*oracleSize:]
		t := le.Uint32(r)
		next := int64(le.Uint64(r[16:]))
		if next < -1 {
			return 0, false
		}
		if t < last {
			later++
		}
		last = t
	}
	return n, later*20 <= n
}

// recognizers know a line of their format when they see it. Where two see as
// many, the first has it.
var recognizers = []struct {
	format Format
	is     func(line []byte) bool
}{
	{JSONL, func(b []byte) bool {
		var f fields
		return (&jsonLine{}).split(b, &f) == nil
	}},
	{RedisMonitor, func(b []byte) bool {
		var f fields
		err := (&redisLine{}).split(b, &f)
		if err != nil && !errors.Is(err, errPassed) || f.col[timeRole] == nil {
			return false
		}
		_, _, _, ok := number(f.col[timeRole])
		return ok
	}},
	{MemcachedWatch, func(b []byte) bool {
		return bytes.HasPrefix(b, []byte("ts=")) && bytes.Contains(b, []byte(" gid=")) && bytes.Contains(b, []byte(" type="))
	}},
	{ALB, byTemplate(albTemplate, 0, stampISO)},
	{Envoy, byTemplate(envoyTemplate, 10, stampISO)},
	{Combined, byTemplate(combinedTemplate, 0, stampCLF)},
	{Common, byTemplate(commonTemplate, 0, stampCLF)},
	{IBMObjects, func(b []byte) bool {
		words := bytes.Fields(b)
		if len(words) < 3 || !bytes.HasPrefix(words[1], []byte("REST.")) {
			return false
		}
		_, ok := count(words[0])
		return ok
	}},
	{Twitter, func(b []byte) bool {
		columns := bytes.Split(b, []byte{','})
		if len(columns) != 7 {
			return false
		}
		for _, i := range []int{0, 2, 3, 4, 6} {
			if _, ok := count(columns[i]); !ok {
				return false
			}
		}
		return slices.Contains([]string{
			"get", "gets", "set", "add", "replace", "cas", "append", "prepend", "delete", "incr", "decr",
		}, string(columns[5]))
	}},
}

func byTemplate(text string, need int, kind stampKind) func([]byte) bool {
	t, err := compileTemplate(text)
	if err != nil {
		panic(err) // one of our own
	}
	if need > 0 {
		t.need = need
	}
	return func(line []byte) bool {
		var f fields
		c := clock{kind: kind}
		if t.split(line, &f) != nil {
			return false
		}
		_, _, _, ok := c.read(f.col[timeRole])
		return ok
	}
}

// refine tells apart JSON of those that write it.
func refine(f Format, lines [][]byte) Format {
	if f != JSONL {
		return f
	}
	names := jsonNames(lines)
	has := func(name string) bool { return slices.Contains(names, name) }
	switch {
	case has("_path") && has("ts"), has("uid") && has("id.orig_h") && has("ts"):
		return Zeek
	case has("start_time") && has("response_code") && (has("response_flags") || has("upstream_service_time") || has("x-envoy-upstream-service-time") || has("upstream_cluster")):
		return EnvoyJSON
	default:
		return JSONL
	}
}

// delimiterOf finds what stands between the columns: that which cuts most lines
// into the same count of them.
func delimiterOf(lines [][]byte, cfg *Config) (delim byte, columns int) {
	tries := []byte{'\t', ',', ';', '|', ' '}
	if cfg.Delimiter != 0 {
		tries = []byte{cfg.Delimiter}
	}
	agree := 0
	for _, d := range tries {
		counts := make(map[int]int)
		for _, line := range lines {
			counts[len(cells(line, d))]++
		}
		most, width := 0, 0
		for w, n := range counts {
			if n > most || n == most && w > width {
				most, width = n, w
			}
		}
		if width > 1 && most*2 > len(lines) && most > agree {
			delim, columns, agree = d, width, most
		}
	}
	return delim, columns
}

func delimName(d byte) string {
	switch d {
	case '\t':
		return "tabs"
	case ' ':
		return "blanks"
	default:
		return fmt.Sprintf("%q", d)
	}
}

// cells cuts a line into all of its columns.
func cells(line []byte, delim byte) []string {
	var out []string
	d := &delimited{delim: delim}
	for {
		var text []byte
		if len(line) > 0 && line[0] == '"' {
			if t, rest, ok := d.quoted(line); ok {
				out = append(out, string(t))
				if rest == nil {
					return out
				}
				line = rest
				continue
			}
		}
		i := bytes.IndexByte(line, delim)
		if i < 0 {
			return append(out, string(line))
		}
		text, line = line[:i], line[i+1:]
		out = append(out, string(text))
		for delim == ' ' && len(line) > 0 && line[0] == ' ' {
			line = line[1:]
		}
	}
}

// csvKind tells apart the CSV files that are known by their header.
func csvKind(lines [][]byte, delim byte) Format {
	var names []string
	for _, c := range cells(lines[0], delim) {
		n, _ := plainName(strings.TrimSpace(c))
		names = append(names, n)
	}
	has := func(all ...string) bool {
		for _, n := range all {
			if !slices.Contains(names, n) {
				return false
			}
		}
		return true
	}
	switch {
	case has("key", "op", "op_count"):
		return MetaKV
	case has("time", "lbn"), has("time", "object", "next_access_vtime"), has("time", "obj_id", "next_access_vtime"):
		return CacheSimCSV
	default:
		return CSV
	}
}
