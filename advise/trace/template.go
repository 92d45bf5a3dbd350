package trace

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

var errTemplate = errors.New("the line does not follow the log format")

// A template splits the lines of a log whose format is given as servers'
// configurations give it: texts with variables between them. A variable ends
// where the text behind it begins; in quotes, a backslash takes the meaning off
// the character that follows.
type template struct {
	lead  []byte
	steps []step
	need  int // how many steps a line must have; behind them it may end
	upTo  int // how many steps are taken
}

type step struct {
	slot   slot
	stop   []byte // the text behind; empty for the line's end
	quoted bool
}

// Variables by the name that a server's configuration gives them.
var variables = map[string]role{
	// nginx
	"remote_addr": clientRole, "http_x_forwarded_for": noRole, "remote_user": userRole,
	"time_local": timeRole, "time_iso8601": timeRole, "msec": timeRole,
	"request": requestRole, "request_uri": keyRole, "uri": keyRole, "request_method": opRole,
	"status": statusRole, "body_bytes_sent": sizeRole, "bytes_sent": noRole,
	"request_time": tookRole, "upstream_response_time": durationRole, "upstream_cache_status": cacheRole,
	"host": tenantRole, "http_host": tenantRole, "server_name": noRole, "scheme": noRole,
	"http_authorization": authRole, "sent_http_set_cookie": cookieRole,
	"request_id": identityRole,

	// Ours, for those that have no name of their own.
	"time": timeRole, "key": keyRole, "client": clientRole, "op": opRole, "size": sizeRole, "took": tookRole,
	"duration": durationRole, "cache": cacheRole, "ttl": ttlRole, "user": userRole, "identity": identityRole,

	// Apache
	"%h": clientRole, "%a": clientRole, "%u": userRole, "%t": timeRole, "%r": requestRole, "%U": keyRole, "%U%q": keyRole,
	"%m": opRole, "%s": statusRole, "%>s": statusRole, "%b": sizeRole, "%B": sizeRole, "%O": noRole,
	"%D": tookRole, "%T": tookRole, "%v": tenantRole, "%V": tenantRole,
	"%{Host}i": tenantRole, "%{Authorization}i": authRole, "%{Set-Cookie}o": cookieRole,

	// Envoy
	"%START_TIME%": timeRole, "%REQ(:METHOD)%": opRole,
	"%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%": keyRole, "%REQ(:PATH)%": keyRole,
	"%RESPONSE_CODE%": statusRole, "%BYTES_SENT%": sizeRole, "%DURATION%": tookRole,
	"%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%": durationRole, "%REQ(:AUTHORITY)%": tenantRole,
	"%REQ(X-REQUEST-ID)%": identityRole, "%DOWNSTREAM_REMOTE_ADDRESS%": clientRole,
	"%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%": clientRole, "%REQ(AUTHORIZATION)%": authRole,
	"%REQ(X-FORWARDED-FOR)%": clientRole,
}

// compileTemplate makes a splitter of a log format.
func compileTemplate(text string) (*template, error) {
	var (
		t       template
		literal []byte
		parts   [numRoles]uint8
		names   []string
	)
	finer := strings.Contains(text, "$msec") || strings.Contains(text, "${msec}")
	for text != "" {
		name, rest := variable(text)
		if name == "" {
			if text[0] == '\\' && len(text) > 1 && (text[1] == '"' || text[1] == '\\') {
				text = text[1:]
			}
			literal = append(literal, text[0])
			text = text[1:]
			continue
		}
		text = rest
		names = append(names, name)
		role, known := variables[name]
		if role == timeRole && finer && name != "msec" {
			role = noRole // the same time, to the second only
		}
		if !known {
			role = noRole // other variables are passed over
		}
		if role == tenantRole && parts[role] > 0 || role == timeRole && parts[role] > 0 {
			role = noRole // the first one counts
		}
		s := step{slot: slot{role: role}}
		if role == keyRole || role == identityRole {
			if parts[role] == maxParts {
				return nil, fmt.Errorf("trace: Config.Template has more than %d key or identity variables", maxParts)
			}
			s.slot.part = parts[role]
		}
		parts[role]++
		if n := len(t.steps); n > 0 {
			if len(literal) == 0 {
				return nil, fmt.Errorf("trace: Config.Template has nothing between the variables %s and %s", names[n-1], name)
			}
			t.steps[n-1].stop = literal
		} else {
			t.lead = literal
		}
		s.quoted = len(literal) > 0 && literal[len(literal)-1] == '"'
		if name == "%t" { // Apache writes its brackets with the time
			lead := &t.lead
			if n := len(t.steps); n > 0 {
				lead = &t.steps[n-1].stop
			}
			*lead = append(*lead, '[')
			literal = []byte("]")
		} else {
			literal = nil
		}
		t.steps = append(t.steps, s)
	}
	if parts[timeRole] == 0 {
		return nil, errors.New("trace: Config.Template has no time: want $time_local, $msec, %t or %START_TIME%")
	}
	if parts[keyRole] == 0 && parts[requestRole] == 0 {
		return nil, errors.New(`trace: Config.Template has nothing to be the key: want "$request", "%r" or a path`)
	}
	t.steps[len(t.steps)-1].stop = literal
	t.need, t.upTo = len(t.steps), len(t.steps)
	return &t, nil
}

// trim leaves out the steps behind the last that means something to us: what
// stands there is not looked at.
func (t *template) trim() *template {
	for t.upTo > 1 && t.steps[t.upTo-1].slot.role == noRole {
		t.upTo--
	}
	return t
}

// variable takes a variable off the start of text, or gives none.
func variable(text string) (name, rest string) {
	if len(text) < 2 {
		return "", text
	}
	switch text[0] {
	case '$':
		body, braced := strings.CutPrefix(text[1:], "{")
		n := 0
		for n < len(body) && (body[n] == '_' || body[n]|0x20 >= 'a' && body[n]|0x20 <= 'z' || n > 0 && body[n] >= '0' && body[n] <= '9') {
			n++
		}
		if braced && n < len(body) && body[n] == '}' {
			return body[:n], body[n+1:]
		}
		if n == 0 || braced {
			return "", text
		}
		return body[:n], body[n:]
	case '%':
		if rest, ok := strings.CutPrefix(text, "%U%q"); ok { // the query begins with its mark
			return "%U%q", rest
		}
		// Envoy's are in capitals between two signs, perhaps with brackets.
		if i := strings.IndexByte(text[1:], '%'); i > 1 {
			inner := text[1 : i+1]
			if inner[0] >= 'A' && inner[0] <= 'Z' && inner[1] >= 'A' && inner[1] <= 'Z' && !strings.ContainsAny(inner, " \"") {
				name = text[:i+2]
				if cut := strings.IndexByte(name, '('); cut > 0 && !strings.HasPrefix(name, "%REQ(") && !strings.HasPrefix(name, "%RESP(") {
					return name[:cut] + "%", text[i+2:] // %START_TIME(%s.%3f)% is cut short before it comes here
				}
				return name, text[i+2:]
			}
		}
		i := 1
		if text[i] == '>' || text[i] == '<' {
			i++
		}
		if i < len(text) && text[i] == '{' {
			end := strings.IndexByte(text[i:], '}')
			if end < 0 || i+end+1 >= len(text) {
				return "", text
			}
			i += end + 1
		}
		if i < len(text) && (text[i]|0x20 >= 'a' && text[i]|0x20 <= 'z') {
			return text[:i+1], text[i+1:]
		}
	}
	return "", text
}

func (t *template) split(line []byte, f *fields) error {
	if !bytes.HasPrefix(line, t.lead) {
		return errTemplate
	}
	line = line[len(t.lead):]
	for i := range t.steps[:t.upTo] {
		s := &t.steps[i]
		end := s.end(line)
		if end < 0 {
			// The line may end within the texts behind what it must have.
			if i+1 < t.need {
				return errTemplate
			}
			end = len(line)
			if len(s.stop) > 0 {
				cut := bytes.TrimRight(s.stop, " ")
				if k := bytes.Index(line, cut); len(cut) > 0 && k >= 0 {
					end = k
				}
			}
			if s.slot.role != noRole {
				f.put(s.slot, line[:end])
			}
			for _, s := range t.steps[i+1:] {
				f.put(s.slot, nil)
			}
			return nil
		}
		if s.slot.role != noRole {
			f.put(s.slot, line[:end])
		}
		line = line[end+len(s.stop):]
	}
	return nil
}

// end gives where the variable ends that line begins with.
func (s *step) end(line []byte) int {
	if len(s.stop) == 0 {
		return len(line)
	}
	at := 0
	for {
		i := bytes.IndexByte(line[at:], s.stop[0])
		if i < 0 {
			return -1
		}
		i += at
		if s.quoted && i > 0 && line[i-1] == '\\' && escaped(line[:i]) {
			at = i + 1
			continue
		}
		if len(s.stop) == 1 || bytes.HasPrefix(line[i+1:], s.stop[1:]) {
			return i
		}
		at = i + 1
	}
}

// escaped reports whether b ends with an odd number of backslashes.
func escaped(b []byte) bool {
	n := 0
	for len(b) > n && b[len(b)-1-n] == '\\' {
		n++
	}
	return n%2 == 1
}
