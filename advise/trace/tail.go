package trace

import (
	"bytes"
	"regexp"
	"strings"
)

var (
	cacheWordLike = regexp.MustCompile(`^(HIT|MISS|EXPIRED|STALE|UPDATING|REVALIDATED|BYPASS|-)$`)
	msecLike      = regexp.MustCompile(`^\d{9,10}\.\d{3}$`)
	secondsLike   = regexp.MustCompile(`^\d+\.\d{3}([,: ]+(\d+\.\d{3}|-))*$`)
)

// Names that operators give the columns behind a combined log.
var tailNames = map[string]string{
	"rt": "request_time", "request_time": "request_time", "urt": "upstream_response_time",
	"upstream_response_time": "upstream_response_time", "cs": "upstream_cache_status", "ucs": "upstream_cache_status",
	"cache": "upstream_cache_status", "upstream_cache_status": "upstream_cache_status", "msec": "msec", "host": "host",
}

// tail guesses the columns that stand behind those of t: a template for them,
// and the names of those that mean something to us.
func tail(t *template, lines [][]byte) (more string, found []string) {
	var rows [][]string
	for _, line := range lines {
		if rest, ok := t.rest(line); ok {
			rows = append(rows, words(rest))
		}
	}
	if len(rows) == 0 || len(rows[0]) == 0 {
		return "", nil
	}
	width := len(rows[0])
	for _, r := range rows {
		width = min(width, len(r))
	}
	used := make(map[string]bool)
	for i := range width {
		prefix, quote, name := "", "", ""
		values := make([]string, 0, len(rows))
		for _, r := range rows {
			v := r[i]
			if n, value, ok := strings.Cut(v, "="); ok && tailNames[n] != "" {
				prefix, v = n+"=", value
			}
			if len(v) >= 2 && v[0] == '"' {
				quote, v = `"`, v[1:len(v)-1]
			}
			values = append(values, v)
		}
		switch {
		case prefix != "":
			name = tailNames[strings.TrimSuffix(prefix, "=")]
		case all(values, cacheWordLike):
			name = "upstream_cache_status"
		case all(values, msecLike):
			name = "msec"
		case all(values, secondsLike):
			name = "request_time"
			if used[name] {
				name = "upstream_response_time"
			}
		}
		if name == "" || used[name] {
			name = "other"
		} else {
			used[name] = true
			found = append(found, "$"+name)
		}
		more += " " + prefix + quote + "$" + name + quote
	}
	if len(found) == 0 {
		return "", nil
	}
	return more, found
}

// all reports whether the values look alike, but for dashes, and one is none.
func all(values []string, like *regexp.Regexp) bool {
	some := false
	for _, v := range values {
		if v == "-" || v == "" {
			continue
		}
		if !like.MatchString(v) {
			return false
		}
		some = true
	}
	return some
}

// rest gives what stands behind the columns of t.
func (t *template) rest(line []byte) ([]byte, bool) {
	if !bytes.HasPrefix(line, t.lead) {
		return nil, false
	}
	line = line[len(t.lead):]
	for i := range t.steps {
		end := t.steps[i].end(line)
		if end < 0 {
			return nil, false
		}
		if len(t.steps[i].stop) == 0 { // up to the next blank
			if end = bytes.IndexByte(line, ' '); end < 0 {
				return nil, true
			}
		}
		line = line[end+len(t.steps[i].stop):]
	}
	return line, true
}

// words cuts at blanks that are not within quotes.
func words(b []byte) []string {
	var out []string
	for {
		b = bytes.TrimLeft(b, " ")
		if len(b) == 0 {
			return out
		}
		end, quoted := 0, false
		for end < len(b) && (quoted || b[end] != ' ') {
			if b[end] == '"' && (end == 0 || b[end-1] != '\\') {
				quoted = !quoted
			}
			end++
		}
		out = append(out, string(b[:end]))
		b = b[end:]
	}
}
