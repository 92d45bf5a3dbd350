package trace

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// spans reads OpenTelemetry's spans as JSON: requests of OTLP one a line, as
// the collector's file exporter writes them, or one document. It walks down to
// each span, so that a document need not fit into memory, only a span.
//
// The client span of a load tells what was loaded, when, and for how long.
type spans struct {
	r      io.Reader
	dec    *json.Decoder
	keys   []string
	parser *parser
	fields fields
	stats  *FileStats
	cfg    *Config

	in     bool   // in the array of spans
	client int8   // whether there are client spans: 0 not known, 1 yes, -1 no
	early  []span // spans that came before that was known
	out    []span
	end    error
}

// A span is what is read of one.
type span struct {
	TraceID    string          `json:"traceId"`
	SpanID     string          `json:"spanId"`
	Name       string          `json:"name"`
	Kind       json.RawMessage `json:"kind"`
	Start      json.RawMessage `json:"startTimeUnixNano"`
	End        json.RawMessage `json:"endTimeUnixNano"`
	Attributes []struct {
		Key   string `json:"key"`
		Value struct {
			String *string         `json:"stringValue"`
			Int    json.RawMessage `json:"intValue"`
			Bool   *bool           `json:"boolValue"`
		} `json:"value"`
	} `json:"attributes"`
}

// spanKeys are the attributes that say what a span asked for, the best first.
func spanKeys(cfg *Config) []string {
	if len(cfg.Columns.Key) > 0 {
		return cfg.Columns.Key
	}
	return []string{
		"cache.key", "db.query.text", "db.statement", "url.full", "http.url", "http.target", "url.path", "rpc.method", "peer.service",
	}
}

// kindsLookedAt is how many spans are looked at to see whether there are
// client spans among them.
const kindsLookedAt = 1000

func (s *spans) decode(dst []Record) (int, error) {
	n := 0
	for n < len(dst) {
		if len(s.out) > 0 {
			sp := s.out[0]
			s.out = s.out[1:]
			switch err := s.record(&sp, &dst[n]); {
			case err == nil:
				s.stats.Records++
				n++
			case !errors.Is(err, errPassed):
				s.stats.bad(err, nil)
			}
			continue
		}
		if s.end != nil {
			if n > 0 {
				return n, nil
			}
			return 0, s.end
		}
		var sp span
		more, err := s.next(&sp)
		switch {
		case err != nil:
			s.end = err
			s.out, s.early = s.early, nil
			if s.client == 0 {
				s.client = -1
			}
			continue
		case !more:
			continue
		}
		s.stats.Lines++
		if s.client == 0 {
			s.early = append(s.early, sp)
			switch {
			case sp.isClient():
				s.client = 1
			case len(s.early) >= kindsLookedAt:
				s.client = -1
			default:
				continue
			}
			s.out, s.early = s.early, nil
			continue
		}
		s.out = append(s.out[:0], sp)
	}
	return n, nil
}

// next walks to the next span. It gives false where it came to none yet.
func (s *spans) next(sp *span) (bool, error) {
	if s.dec == nil {
		s.dec = json.NewDecoder(s.r)
	}
	if s.in {
		if s.dec.More() {
			if err := s.dec.Decode(sp); err != nil {
				var typ *json.UnmarshalTypeError
				if errors.As(err, &typ) { // the decoder has passed over the whole value
					s.stats.Lines++
					s.stats.bad(errors.New("a span has a member of another type than it should"), nil)
					return false, nil
				}
				return false, s.wrap(err)
			}
			return true, nil
		}
		s.in = false
	}
	token, err := s.dec.Token()
	if err != nil {
		return false, s.wrap(err)
	}
	if token == "spans" && s.dec.More() {
		// A value called spans in some other place is no array, or holds none.
		if token, err = s.dec.Token(); err != nil {
			return false, s.wrap(err)
		}
		s.in = token == json.Delim('[')
	}
	return false, nil
}

func (s *spans) wrap(err error) error {
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		s.stats.Truncated = true
		return io.EOF
	}
	return fmt.Errorf("trace: %s after %d spans: %w", s.stats.Guess.File, s.stats.Lines, err)
}

func (sp *span) isClient() bool {
	return string(sp.Kind) == "3" || string(sp.Kind) == `"SPAN_KIND_CLIENT"`
}

func (s *spans) record(sp *span, r *Record) error {
	if s.client == 1 && !sp.isClient() {
		s.stats.Passed++
		return errPassed
	}
	f := &s.fields
	f.clear()
	best := len(s.keys)
	for _, a := range sp.Attributes {
		value := a.Value.String
		if value == nil && len(a.Value.Int) > 0 {
			text := strings.Trim(string(a.Value.Int), `"`)
			value = &text
		}
		if value == nil {
			continue
		}
		for i, name := range s.keys[:best] {
			if a.Key == name {
				f.key[0] = []byte(*value)
				best = i
				break
			}
		}
		switch a.Key {
		case "http.request.method", "http.method", "db.operation.name", "db.operation", "cache.operation":
			f.col[opRole] = []byte(*value)
		case "http.response.status_code", "http.status_code":
			f.col[statusRole] = []byte(*value)
		case "http.response.body.size", "http.response_content_length":
			f.col[sizeRole] = []byte(*value)
		case "cache.hit":
			f.col[cacheRole] = []byte(*value)
		case s.cfg.Columns.Client:
			f.col[clientRole] = []byte(*value)
		case s.cfg.Columns.Tenant:
			f.col[tenantRole] = []byte(*value)
		}
	}
	if f.key[0] == nil && len(s.cfg.Columns.Key) == 0 {
		f.key[0] = []byte(sp.Name)
	}
	start := strings.Trim(string(sp.Start), `"`)
	f.col[timeRole] = []byte(start)
	from, err := strconv.ParseUint(start, 10, 64)
	if err != nil {
		return errStamp
	}
	if to, err := strconv.ParseUint(strings.Trim(string(sp.End), `"`), 10, 64); err == nil && to >= from {
		f.col[durationRole] = strconv.AppendUint(nil, to-from, 10)
	}
	f.identity[0], f.identity[1] = []byte(sp.TraceID), []byte(sp.SpanID)
	if sp.SpanID == "" {
		f.identity[0] = nil
	}
	return s.parser.record(f, r)
}

func (s *spans) origin() (sec, ns int64, absolute, ok bool) {
	sec, ns = s.parser.clock.origin()
	return sec, ns, s.parser.clock.absolute(), s.parser.clock.started
}
