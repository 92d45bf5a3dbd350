package trace

import (
	"fmt"
	"regexp"
	"strings"
)

// A pattern splits lines by a regular expression with named groups. A line
// that does not match is passed over: such logs hold lines of other kinds.
type pattern struct {
	re    *regexp.Regexp
	slots []slot // of each group
	at    []int  // scratch
	need  string // what a line must hold to be looked at more closely
}

func compilePattern(expr string) (*pattern, error) {
	re, err := regexp.Compile(expr)
	if err != nil {
		return nil, fmt.Errorf("trace: Config.Pattern: %w", err)
	}
	p := &pattern{re: re}
	var parts [numRoles]uint8
	for _, name := range re.SubexpNames() {
		s := slot{role: roleNamed(strings.TrimRight(name, "0123456789"))}
		if s.role == keyRole || s.role == identityRole {
			if parts[s.role] == maxParts {
				return nil, fmt.Errorf("trace: Config.Pattern has more than %d groups for the %s", maxParts, name)
			}
			s.part = parts[s.role]
			parts[s.role]++
		}
		p.slots = append(p.slots, s)
	}
	return p, nil
}

// roleNamed gives the role that we call name; a method is an op as well.
func roleNamed(name string) role {
	switch name {
	case "":
		return noRole
	case "method":
		return opRole
	case "path", "url":
		return keyRole
	}
	for r, n := range roleNames {
		if n == name {
			return role(r)
		}
	}
	return noRole
}

func (p *pattern) split(line []byte, f *fields) error {
	if p.need != "" && !strings.Contains(string(line), p.need) {
		return errPassed
	}
	m := p.re.FindSubmatchIndex(line)
	if m == nil {
		return errPassed
	}
	for i, s := range p.slots {
		if s.role != noRole && m[2*i] >= 0 {
			f.put(s, line[m[2*i]:m[2*i+1]])
		}
	}
	return nil
}

// openStack finds the requests in a log of OpenStack's services. Their
// times are when the request was over.
const openStack = `(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+) .*wsgi\.server .*\] (?P<client>[^ "]+) "(?P<request>[^"]*)" ` +
	`status: (?P<status>\d+) len: (?P<size>\d+) time: (?P<took>[\d.]+)`
