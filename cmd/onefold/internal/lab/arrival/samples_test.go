package arrival_test

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/arrival"
)

// A request is one line of a made-up trace.
type request struct {
	at     time.Time
	key    string
	method string
}

// requests makes n of them, whose times are whole multiples of a resolution
// and never fall. The keys are numbers, which every format can hold.
func requests(n int, resolution time.Duration, seed uint64) []request {
	draw := rand.New(rand.NewPCG(seed, 0))
	at := time.Date(2024, 2, 29, 23, 59, 50, 0, time.UTC)
	list := make([]request, n)
	for i := range list {
		list[i] = request{at, strconv.Itoa(draw.IntN(20) + 100), []string{"GET", "HEAD"}[draw.IntN(2)]}
		at = at.Add(time.Duration(draw.IntN(9)) * resolution)
	}
	return list
}

// A sample writes requests in one format.
type sample struct {
	name       string
	format     string // that must be recognised
	resolution time.Duration
	options    arrival.TraceOptions // that reading it needs
	write      func([]request) []byte
}

func lines(list []request, header string, line func(i int, r request) string) []byte {
	var b bytes.Buffer
	if header != "" {
		fmt.Fprintln(&b, header)
	}
	for i, r := range list {
		fmt.Fprintln(&b, line(i, r))
	}
	return b.Bytes()
}

const clf = "02/Jan/2006:15:04:05 -0700"

var samples = []sample{
	{"csv in microseconds", "csv", time.Microsecond, arrival.TraceOptions{}, func(list []request) []byte {
		return lines(list, "version,time,op,size,lbn", func(_ int, r request) string {
			return fmt.Sprintf("1,%d,%s,512,%s", r.at.UnixMicro(), r.method, r.key)
		})
	}},
	{"csv with quotes", "csv", time.Nanosecond, arrival.TraceOptions{TimeColumn: "when, exactly", KeyColumn: "what"}, func(list []request) []byte {
		rows := [][]string{{"when, exactly", `a "note"`, "what"}}
		for i, r := range list {
			rows = append(rows, []string{r.at.Format(time.RFC3339Nano), []string{"plain", `one, "two"`}[i%2], r.key})
		}
		var b bytes.Buffer
		if err := csv.NewWriter(&b).WriteAll(rows); err != nil {
			panic(err) // a buffer takes all
		}
		return b.Bytes()
	}},
	{"csv by number", "csv", time.Millisecond, arrival.TraceOptions{TimeColumn: "2", KeyColumn: "1"}, func(list []request) []byte {
		return lines(list, "", func(_ int, r request) string { return fmt.Sprintf("%s,%d,x", r.key, r.at.UnixMilli()) })
	}},
	{"csv with a unit in the name", "csv", time.Nanosecond, arrival.TraceOptions{}, func(list []request) []byte {
		return lines(list, "ts_ns,key", func(_ int, r request) string {
			return fmt.Sprintf("%d,%s", r.at.Sub(list[0].at), r.key)
		})
	}},
	{"csv in FILETIME", "csv", time.Microsecond, arrival.TraceOptions{}, func(list []request) []byte {
		return lines(list, "Timestamp,Key", func(_ int, r request) string {
			return fmt.Sprintf("%d,%s", r.at.UnixMicro()*10+116444736000000000, r.key)
		})
	}},
	{"tsv in seconds", "tsv", time.Second, arrival.TraceOptions{}, func(list []request) []byte {
		return lines(list, "host\tlogname\ttime\tmethod\turl\tresponse", func(_ int, r request) string {
			return fmt.Sprintf("h\t-\t%d\t%s\t%s\t200", r.at.Unix(), r.method, r.key)
		})
	}},
	{"tsv with fractions", "tsv", time.Microsecond, arrival.TraceOptions{}, func(list []request) []byte {
		return lines(list, "ts\tquery", func(_ int, r request) string {
			return fmt.Sprintf("%d.%06d\t%s", r.at.Unix(), r.at.Nanosecond()/1000, r.key)
		})
	}},
	{"jsonl", "jsonl", time.Microsecond, arrival.TraceOptions{}, func(list []request) []byte {
		return lines(list, "", func(_ int, r request) string {
			return fmt.Sprintf(`{"ts":%q,"uid":"x","query":%q,"n":{"a":[1,2]}}`, r.at.Format(time.RFC3339Nano), r.key)
		})
	}},
	{"jsonl with dots", "jsonl", time.Millisecond, arrival.TraceOptions{TimeColumn: "event.start", KeyColumn: "id.orig_h"}, func(list []request) []byte {
		return lines(list, "", func(i int, r request) string {
			field := map[string]any{"event": map[string]any{"start": r.at.UnixMilli()}, "id": map[string]any{"orig_h": "inner"}, "id.orig_h": r.key}
			if i%2 == 1 { // a number as the key, in an object
				n, _ := strconv.Atoi(r.key)
				field["id"] = map[string]any{"orig_h": n}
				delete(field, "id.orig_h")
			}
			text, _ := json.Marshal(field)
			return string(text)
		})
	}},
	{"columns", "columns", time.Microsecond, arrival.TraceOptions{TimeColumn: "1", KeyColumn: "3", TimeUnit: "s"}, func(list []request) []byte {
		return lines(list, "", func(_ int, r request) string {
			return fmt.Sprintf("  %.6f  x   %s", r.at.Sub(list[0].at).Seconds(), r.key)
		})
	}},
	{"object store", "ibm", time.Millisecond, arrival.TraceOptions{}, func(list []request) []byte {
		return lines(list, "", func(i int, r request) string {
			return fmt.Sprintf("%d REST.%s.OBJECT %s 512%s", 1219008+r.at.Sub(list[0].at).Milliseconds(), r.method, r.key, []string{"", " 0 511"}[i%2])
		})
	}},
	{"common log", "combined", time.Second, arrival.TraceOptions{}, func(list []request) []byte {
		return lines(list, "", func(_ int, r request) string {
			return fmt.Sprintf(`h - - [%s] "%s %s HTTP/1.0" 200 -`, r.at.Format(clf), r.method, r.key)
		})
	}},
	{"combined log", "combined", time.Second, arrival.TraceOptions{}, func(list []request) []byte {
		return lines(list, "", func(_ int, r request) string {
			return fmt.Sprintf(`192.0.2.7 - me [%s] "%s %s HTTP/1.1" 304 12 "http://x/" "agent \"quoted\", and [more"`, r.at.Format(clf), r.method, r.key)
		})
	}},
	{"nginx with request time", "combined", time.Second, arrival.TraceOptions{}, func(list []request) []byte {
		return lines(list, "", func(_ int, r request) string {
			return fmt.Sprintf(`192.0.2.7 - - [%s] "%s %s HTTP/2.0" 200 12 "-" "agent" 0.012`, r.at.In(time.FixedZone("", 5400)).Format(clf), r.method, r.key)
		})
	}},
	{"oracleGeneral", "oracle", time.Second, arrival.TraceOptions{}, func(list []request) []byte {
		var b []byte
		for i, r := range list {
			b = binary.LittleEndian.AppendUint32(b, uint32(r.at.Unix()))
			key, _ := strconv.ParseUint(r.key, 10, 64)
			b = binary.LittleEndian.AppendUint64(b, key)
			b = binary.LittleEndian.AppendUint32(b, 512)
			next := int64(-1)
			if i%3 == 0 {
				next = int64(i + 9)
			}
			b = binary.LittleEndian.AppendUint64(b, uint64(next))
		}
		return b
	}},
	{"pattern", "pattern", time.Millisecond, arrival.TraceOptions{
		Pattern: `^\S+ (?P<time>\S+ \S+) .*"(?P<method>[A-Z]+) (?P<key>\S+) .*" .*time: `,
	}, func(list []request) []byte {
		return lines(list, "", func(_ int, r request) string {
			return fmt.Sprintf("api.log %s 25746 INFO wsgi [req-1] 10.11.10.1 \"%s %s HTTP/1.1\" status: 200 time: 0.2\nother 2 INFO no request",
				r.at.Format("2006-01-02 15:04:05,000"), r.method, r.key)
		})
	}},
	{"layout", "tsv", time.Second, arrival.TraceOptions{TimeUnit: "20060102150405"}, func(list []request) []byte {
		return lines(list, "date\tkey", func(_ int, r request) string { return r.at.Format("20060102150405") + "\t" + r.key })
	}},
}
