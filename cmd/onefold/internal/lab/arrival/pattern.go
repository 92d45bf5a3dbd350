package arrival

import (
	"fmt"
	"regexp"
)

// pattern reads lines that a regular expression matches, with its named
// groups. It is for the logs that have a format of their own.
type pattern struct {
	*regexp.Regexp
	time, key, method int // numbers of groups; method -1: none
}

func compilePattern(text string) (*pattern, error) {
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("arrival: --pattern is %q: %w", text, err)
	}
	p := &pattern{Regexp: re, time: re.SubexpIndex("time"), key: re.SubexpIndex("key"), method: re.SubexpIndex("method")}
	if p.time < 0 || p.key < 0 {
		return nil, fmt.Errorf("arrival: --pattern is %q, want the named groups (?P<time>...) and (?P<key>...) in it", text)
	}
	return p, nil
}

func (t *trace) newPattern() (*pattern, error) {
	p, err := compilePattern(t.Pattern)
	if err == nil && t.Method != "" && p.method < 0 {
		err = fmt.Errorf("arrival: the method %q is asked for, and --pattern %q has no named group (?P<method>...)", t.Method, t.Pattern)
	}
	return p, err
}

func (p *pattern) parse(line []byte) (record, error) {
	at := p.FindSubmatchIndex(line)
	if at == nil {
		return record{}, leftOutError("no match of --pattern")
	}
	group := func(n int) []byte {
		if n < 0 || at[2*n] < 0 {
			return nil
		}
		return line[at[2*n]:at[2*n+1]]
	}
	return record{time: group(p.time), key: group(p.key), method: group(p.method)}, nil
}
