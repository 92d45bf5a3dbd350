package arrival

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// objects reads lines that are JSON objects.
type objects struct {
	time, method string
	keys         []string

	fields fields // of the current line
	joined []byte // its key
}

type fields map[string]json.RawMessage

// newObjects finds the fields by the first lines.
func (t *trace) newObjects(sample []sampleLine) (*objects, error) {
	var (
		found  []string
		unread examples
	)
	for _, line := range sample {
		var f fields
		if err := json.Unmarshal(line.text, &f); err != nil {
			unread.add(line.number, line.text, err)
			continue
		}
		for name := range f {
			if !slices.Contains(found, name) && len(found) < 1000 {
				found = append(found, name)
			}
		}
	}
	slices.Sort(found)
	if len(found) == 0 {
		t.tally.bad = unread
		return nil, t.refuse("does not begin with JSON objects that have fields", t.remedy())
	}
	t.columns = list(found)
	chosen, err := t.chooseColumns(found)
	if err != nil {
		return nil, err
	}
	o := &objects{time: chosen.time, method: chosen.method, keys: []string{chosen.key}}
	if strings.Contains(chosen.key, ",") && !slices.Contains(found, chosen.key) {
		o.keys = nil
		for part := range strings.SplitSeq(chosen.key, ",") {
			o.keys = append(o.keys, strings.TrimSpace(part))
		}
	}
	return o, nil
}

func (o *objects) parse(line []byte) (record, error) {
	clear(o.fields)
	if err := json.Unmarshal(line, &o.fields); err != nil {
		return record{}, fmt.Errorf("not a JSON object: %w", err)
	}
	o.joined = o.joined[:0]
	for i, name := range o.keys {
		value, err := o.fields.plain(name)
		if err != nil {
			return record{}, err
		}
		if len(value) == 0 {
			return record{}, leftOutError(fmt.Sprintf("no key in %q", name))
		}
		if i > 0 {
			o.joined = append(o.joined, ' ')
		}
		o.joined = append(o.joined, value...)
	}
	at, err := o.fields.plain(o.time)
	if err != nil {
		return record{}, err
	}
	if len(at) == 0 {
		return record{}, fmt.Errorf("no time in %q", o.time)
	}
	var method []byte
	if o.method != "" {
		if method, err = o.fields.plain(o.method); err != nil {
			method = nil // only counted
		}
	}
	return record{time: bytes.TrimSpace(at), key: o.joined, method: method}, nil
}

// plain gives the text of a field that is a string, a number or a bool, and
// nothing for one that is null or missing.
func (f fields) plain(name string) ([]byte, error) {
	raw := f.find(name)
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return nil, nil
	case raw[0] == '{' || raw[0] == '[':
		return nil, fmt.Errorf("the field %q is an object or a list, want a plain value", name)
	case raw[0] != '"':
		return raw, nil
	case bytes.IndexByte(raw, '\\') < 0:
		return raw[1 : len(raw)-1], nil
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return nil, fmt.Errorf("the field %q: %w", name, err)
	}
	return []byte(text), nil
}

// find looks for a field of just this name, dots and all, and then for a
// field of an object: "a.b" in a.
func (f fields) find(name string) json.RawMessage {
	if raw, ok := f[name]; ok {
		return raw
	}
	for i := range len(name) {
		if name[i] != '.' {
			continue
		}
		var inner fields
		if raw, ok := f[name[:i]]; ok && json.Unmarshal(raw, &inner) == nil {
			if found := inner.find(name[i+1:]); found != nil {
				return found
			}
		}
	}
	return nil
}
