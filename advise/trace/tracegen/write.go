package tracegen

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/onefold-go/onefold/advise/trace"
)

// A Dialect is a way to write a format that has several.
type Dialect string

// The dialects, each of the format named.
const (
	Usual      Dialect = ""            // every format
	Plain      Dialect = "plain"       // CSV: time and key only, 38 bytes a line for names of 17
	TSV        Dialect = "tsv"         // CSV: tabs
	Recording  Dialect = "recording"   // CSV and JSONL: all columns, as a live recorder writes them
	NginxTimed Dialect = "nginx-timed" // Combined: with $request_time, $msec and $upstream_cache_status
	Arc        Dialect = "arc"         // CacheSimCSV: time, object, size, next access
	NoTime     Dialect = "no-time"     // MetaKV: the columns of 2022
	HTTP       Dialect = "http"        // Zeek: the http log instead of the dns log
)

// Write writes the workload's accesses in a format.
func Write(to io.Writer, f trace.Format, d Dialect, w Workload) error {
	if err := w.validate(); err != nil {
		return err
	}
	w = w.withDefaults()
	p := &writer{w: w, d: d, start: w.Start.UnixNano()}
	one, head := p.format(f)
	if one == nil {
		return fmt.Errorf("tracegen: no writer for the format %v and the dialect %q", f, d)
	}
	const flushAt = 1 << 16
	b := append(make([]byte, 0, flushAt+1<<12), head...)
	var late [][]byte // lines held back, when lines come late
	twice := newTwice(w)
	for a := range w.All() {
		from := len(b)
		b = one(b, &a)
		if twice.again() {
			if a.At += time.Microsecond; w.Resolution > 0 {
				a.At = a.At / w.Resolution * w.Resolution
			}
			b = one(b, &a)
		}
		if w.Shuffle > 0 {
			late = append(late, slices.Clone(b[from:]))
			b = b[:from]
			if len(late) > w.Shuffle {
				i := twice.r.IntN(len(late))
				b = append(b, late[i]...)
				late = slices.Delete(late, i, i+1)
			}
		}
		if len(b) >= flushAt {
			if _, err := to.Write(b); err != nil {
				return err
			}
			b = b[:0]
		}
	}
	for _, line := range late {
		b = append(b, line...)
	}
	if f == trace.OTLP {
		b = p.closeSpans(b)
	}
	_, err := to.Write(b)
	return err
}

// A writer writes accesses one behind the other.
type writer struct {
	w     Workload
	d     Dialect
	start int64
	gid   int
	name  []byte
	spans int

	second int64 // of which the texts are
	clf    []byte
	iso    []byte
}

type lineWriter func(b []byte, a *Access) []byte

func (p *writer) format(f trace.Format) (one lineWriter, head string) {
	switch f {
	case trace.CSV:
		switch p.d {
		case Plain:
			return p.plain, "time_ns,key\n"
		case TSV:
			return p.tsv, "time\tmethod\turl\tstatus\tbytes\tclient\n"
		case Usual, Recording:
			head = "time_ns,key,op,duration_ns,size,client\n"
			if p.w.Tenants > 0 {
				head = "time_ns,key,op,duration_ns,size,client,tenant\n"
			}
			return p.csv, head
		}
	case trace.JSONL:
		return p.jsonl, ""
	case trace.Common:
		return p.common, ""
	case trace.Combined:
		return p.combined, ""
	case trace.Envoy:
		return p.envoy, ""
	case trace.EnvoyJSON:
		return p.envoyJSON, ""
	case trace.ALB:
		return p.alb, ""
	case trace.RedisMonitor:
		return p.redis, "OK\n"
	case trace.MemcachedWatch:
		return p.memcached, "OK\r\n"
	case trace.Twitter:
		return p.twitter, ""
	case trace.OracleGeneral:
		return p.oracle, ""
	case trace.CacheSimCSV:
		if p.d == Arc {
			return p.arc, "# time, object, size, next_access_vtime\n"
		}
		return p.cacheSim, "version,time,op,size,lbn\n"
	case trace.MetaKV:
		if p.d == NoTime {
			return p.meta, "key,op,size,op_count,key_size\n"
		}
		return p.meta, "op_time,key,key_size,op,op_count,size,cache_hits,ttl,usecase,sub_usecase\n"
	case trace.IBMObjects:
		return p.ibm, ""
	case trace.Zeek:
		if p.d == HTTP {
			return p.zeekHTTP, ""
		}
		return p.zeek, ""
	case trace.OTLP:
		return p.span, ""
	case trace.OpenStack:
		return p.openStack, ""
	}
	return nil, ""
}

func itemName(b []byte, key int) []byte {
	return strconv.AppendInt(append(b, "/items/"...), int64(key), 10)
}

// key appends the name of what is asked for.
func (p *writer) key(b []byte, a *Access) []byte {
	b = p.w.Name(b, a.Key)
	if p.w.Unique {
		b = append(b, "?request_id="...)
		b = strconv.AppendUint(b, uint64(a.N)*0x9e3779b97f4a7c15, 16)
	}
	return b
}

// bare is the name as formats have it whose keys hold no slash or blank.
func (p *writer) bare(b []byte, a *Access) []byte {
	from := len(b)
	b = p.key(b, a)
	for i := from; i < len(b); i++ {
		if b[i] == '/' {
			b[i] = ':'
		}
	}
	if b[from] == ':' {
		b = append(b[:from], b[from+1:]...)
	}
	return b
}

func method(op trace.Op) string {
	switch op {
	case trace.Write:
		return "PUT"
	case trace.Delete:
		return "DELETE"
	default:
		return "GET"
	}
}

func command(op trace.Op) string {
	switch op {
	case trace.Write:
		return "set"
	case trace.Delete:
		return "delete"
	default:
		return "get"
	}
}

func (p *writer) ns(a *Access) int64 { return p.start + int64(a.At) }

func num[T ~int | ~int64](b []byte, n T) []byte { return strconv.AppendInt(b, int64(n), 10) }

// padded appends n with zeros in front.
func padded(b []byte, n int64, width int) []byte {
	at := len(b)
	for range width {
		b = append(b, '0')
	}
	for i := at + width - 1; i >= at && n > 0; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
	return b
}

// texts brings the date as text up to a second.
func (p *writer) texts(ns int64) {
	sec := ns / 1e9
	if sec == p.second && p.clf != nil {
		return
	}
	t := time.Unix(sec, 0).UTC()
	p.second = sec
	p.clf = t.AppendFormat(p.clf[:0], "02/Jan/2006:15:04:05 -0700")
	p.iso = t.AppendFormat(p.iso[:0], "2006-01-02T15:04:05")
}

func (p *writer) isoTime(b []byte, ns int64, digits int) []byte {
	p.texts(ns)
	b = append(append(b, p.iso...), '.')
	part := ns % 1e9
	for range 9 - digits {
		part /= 10
	}
	return append(padded(b, part, digits), 'Z')
}

func (p *writer) address(b []byte, client int) []byte {
	b = append(b, "10."...)
	b = append(num(b, client>>16&255), '.')
	b = append(num(b, client>>8&255), '.')
	return num(b, client&255)
}

func (p *writer) plain(b []byte, a *Access) []byte {
	b = append(num(b, p.ns(a)), ',')
	b = append(b, "key-"...)
	return append(padded(b, int64(a.Key), 13), '\n')
}

func (p *writer) csv(b []byte, a *Access) []byte {
	b = append(num(b, p.ns(a)), ',')
	b = append(p.key(b, a), ',')
	b = append(append(b, command(a.Op)...), ',')
	b = append(num(b, a.Load), ',')
	b = append(num(b, a.Size), ',')
	b = num(append(b, 'c'), a.Client)
	if p.w.Tenants > 0 {
		b = num(append(b, ",t"...), a.Tenant)
	}
	return append(b, '\n')
}

func (p *writer) tsv(b []byte, a *Access) []byte {
	b = append(num(b, p.ns(a)/1e9), '\t')
	b = append(append(b, method(a.Op)...), '\t')
	b = append(p.key(b, a), '\t')
	b = num(append(b, "200\t"...), a.Size)
	return append(num(append(b, "\tc"...), a.Client), '\n')
}

func (p *writer) jsonl(b []byte, a *Access) []byte {
	b = num(append(b, `{"time_ns":`...), p.ns(a))
	b = p.key(append(b, `,"key":"`...), a)
	b = append(append(append(b, `","op":"`...), command(a.Op)...), '"')
	b = num(append(b, `,"duration_ns":`...), a.Load)
	b = num(append(b, `,"size":`...), a.Size)
	b = num(append(b, `,"client":"c`...), a.Client)
	if p.w.Tenants > 0 {
		b = num(append(b, `","tenant":"t`...), a.Tenant)
	}
	return append(b, "\"}\n"...)
}

func (p *writer) request(b []byte, a *Access) []byte {
	b = append(append(append(b, '"'), method(a.Op)...), ' ')
	return append(p.key(b, a), ` HTTP/1.1"`...)
}

func (p *writer) clfLine(b []byte, a *Access, ns int64) []byte {
	p.texts(ns)
	b = append(p.address(b, a.Client), " - - ["...)
	b = append(append(b, p.clf...), "] "...)
	return num(append(p.request(b, a), " 200 "...), a.Size)
}

func (p *writer) common(b []byte, a *Access) []byte {
	return append(p.clfLine(b, a, p.ns(a)), '\n')
}

func (p *writer) combined(b []byte, a *Access) []byte {
	if p.d != NginxTimed {
		b = p.clfLine(b, a, p.ns(a))
		return append(b, ` "-" "generated/1.0"`+"\n"...)
	}
	end := p.ns(a) + int64(a.Load)
	b = p.clfLine(b, a, end)
	b = append(b, ` "-" "generated/1.0" `...)
	b = append(num(b, int64(a.Load)/1e9), '.')
	b = append(padded(b, int64(a.Load)/1e6%1000, 3), ' ')
	b = append(num(b, end/1e9), '.')
	b = append(padded(b, end/1e6%1000, 3), ' ')
	return append(append(b, p.cacheWord(a)...), '\n')
}

func (p *writer) cacheWord(a *Access) string {
	switch {
	case p.w.HitShare == 0:
		return "-"
	case a.Hit:
		return "HIT"
	default:
		return "MISS"
	}
}

func (p *writer) envoy(b []byte, a *Access) []byte {
	b = append(p.isoTime(append(b, '['), p.ns(a), 3), "] "...)
	b = num(append(p.request(b, a), " 200 - 0 "...), a.Size)
	b = num(append(b, ' '), int64(a.Load)/1e6+1)
	b = num(append(b, ' '), int64(a.Load)/1e6)
	b = p.address(append(b, ` "`...), a.Client)
	b = append(b, `" "generated/1.0" "`...)
	b = padded(b, int64(a.N), 12)
	return append(b, `" "shop.example" "10.255.0.1:8080"`+"\n"...)
}

func (p *writer) envoyJSON(b []byte, a *Access) []byte {
	b = p.isoTime(append(b, `{"start_time":"`...), p.ns(a), 3)
	b = append(append(b, `","method":"`...), method(a.Op)...)
	b = p.key(append(b, `","path":"`...), a)
	b = num(append(b, `","protocol":"HTTP/1.1","response_code":200,"response_flags":"-","bytes_received":0,"bytes_sent":`...), a.Size)
	b = num(append(b, `,"duration":`...), int64(a.Load)/1e6+1)
	b = num(append(b, `,"x-envoy-upstream-service-time":"`...), int64(a.Load)/1e6)
	b = p.address(append(b, `","downstream_remote_address":"`...), a.Client)
	return append(b, `","authority":"shop.example"}`+"\n"...)
}

// alb writes the lines in order of creation, which the balancer does not: a
// Shuffle does as it does.
func (p *writer) alb(b []byte, a *Access) []byte {
	b = p.isoTime(append(b, "http "...), p.ns(a)+int64(a.Load)+2e6, 6)
	b = p.address(append(b, " app/generated/50dc6c495c0c9188 "...), a.Client)
	b = append(b, ":40000 10.255.0.1:80 0.001 "...)
	b = append(num(b, int64(a.Load)/1e9), '.')
	b = padded(b, int64(a.Load)/1e3%1e6, 6)
	b = num(append(b, " 0.001 200 200 100 "...), a.Size)
	b = append(append(b, ` "`...), method(a.Op)...)
	b = p.key(append(b, ` http://shop.example:80`...), a)
	b = append(b, ` HTTP/1.1" "generated/1.0" - - arn:aws:elasticloadbalancing:generated "Root=1-`...)
	b = padded(b, int64(a.N), 12)
	b = append(b, `" "-" "-" 0 `...)
	b = p.isoTime(b, p.ns(a), 6)
	return append(b, ` "forward" "-" "-" "10.255.0.1:80" "200" "-" "-"`+"\n"...)
}

func (p *writer) redis(b []byte, a *Access) []byte {
	ns := p.ns(a)
	b = append(num(b, ns/1e9), '.')
	b = append(padded(b, ns/1e3%1e6, 6), " [0 "...)
	b = append(p.address(b, a.Client), `:50000] "`...)
	switch a.Op {
	case trace.Write:
		b = append(b, `SET" "`...)
		b = append(p.bare(b, a), `" "value"`...)
		if p.w.TTL > 0 {
			b = append(num(append(b, ` "EX" "`...), int64(p.w.TTL/time.Second)), '"')
		}
	case trace.Delete:
		b = append(b, `DEL" "`...)
		b = append(p.bare(b, a), '"')
	default:
		b = append(b, `GET" "`...)
		b = append(p.bare(b, a), '"')
	}
	return append(b, '\n')
}

func (p *writer) memcached(b []byte, a *Access) []byte {
	line := func(kind string, us int64) {
		p.gid++
		b = append(num(append(b, "ts="...), us/1e6), '.')
		b = num(b, us%1e6) // without leading zeros, as the server has it
		b = num(append(b, " gid="...), p.gid)
		b = append(append(b, " type="...), kind...)
		b = append(b, " key="...)
		from := len(b)
		b = p.bare(b, a)
		for i := from; i < len(b); i++ {
			if b[i] == ':' {
				b = slices.Replace(b, i, i+1, '%', '3', 'A')
			}
		}
	}
	us := p.ns(a) / 1e3
	line("item_get", us)
	if a.Op != trace.Read { // the server looks for what it replaces
		b = num(append(b, " status=not_found clsid=0 cfd="...), 30+a.Client%16)
		b = append(b, " size=0\n"...)
		line("item_store", us)
		b = num(append(b, " status=stored cmd=set ttl="...), int64(p.w.TTL/time.Second))
		b = num(append(b, " clsid=1 cfd="...), 30+a.Client%16)
		return append(num(append(b, " size="...), a.Size), '\n')
	}
	b = num(append(b, " status=found clsid=1 cfd="...), 30+a.Client%16)
	return append(num(append(b, " size="...), a.Size), '\n')
}

func (p *writer) twitter(b []byte, a *Access) []byte {
	b = append(num(b, int64(a.At)/1e9), ',')
	from := len(b)
	b = append(p.bare(b, a), ',')
	b = append(num(b, len(b)-from-1), ',')
	b = append(num(b, a.Size), ',')
	b = append(num(b, a.Client), ',')
	b = append(append(b, command(a.Op)...), ',')
	ttl := int64(0)
	if a.Op == trace.Write {
		ttl = int64(p.w.TTL / time.Second)
	}
	return append(num(b, ttl), '\n')
}

func (p *writer) oracle(b []byte, a *Access) []byte {
	le := binary.LittleEndian
	b = le.AppendUint32(b, uint32(int64(a.At)/1e9))
	b = le.AppendUint64(b, uint64(a.Key))
	b = le.AppendUint32(b, uint32(a.Size))
	return le.AppendUint64(b, 1<<64-1)
}

func (p *writer) arc(b []byte, a *Access) []byte {
	b = append(num(b, int64(a.At)/1e9), ',')
	b = append(num(b, a.Key), ',')
	return append(num(b, a.Size), ",-1\n"...)
}

func (p *writer) cacheSim(b []byte, a *Access) []byte {
	b = append(num(append(b, "1,"...), 5_000_000_000_000+int64(a.At)/1e3), ',')
	op := "28,"
	if a.Op == trace.Write {
		op = "2a,"
	}
	b = append(num(append(b, op...), 512), ',')
	return append(num(b, a.Key), '\n')
}

func (p *writer) meta(b []byte, a *Access) []byte {
	op := "GET"
	switch a.Op {
	case trace.Write:
		op = "SET"
	case trace.Delete:
		op = "DELETE"
	}
	if p.d == NoTime {
		b = append(append(append(num(b, a.Key), ','), op...), ',')
		return append(num(b, a.Size), ",1,40\n"...)
	}
	b = append(num(b, int64(a.At)/1e9), ',')
	b = append(num(b, a.Key), ",40,"...)
	b = append(append(b, op...), ",1,"...)
	b = append(num(b, a.Size), ",1,"...)
	return append(num(b, int64(p.w.TTL/time.Second)), ",7,7\n"...)
}

func (p *writer) ibm(b []byte, a *Access) []byte {
	b = append(num(b, int64(a.At)/1e6), " REST."...)
	b = append(append(b, method(a.Op)...), ".OBJECT "...)
	b = fmt.Appendf(b, "%016x", uint64(a.Key+1)*0x9e3779b97f4a7c15)
	b = num(append(b, ' '), a.Size)
	if a.Op == trace.Read {
		b = num(append(b, " 0 "...), a.Size-1)
	}
	return append(b, '\n')
}

func (p *writer) zeek(b []byte, a *Access) []byte {
	b = p.isoTime(append(b, `{"_path":"dns","ts":"`...), p.ns(a), 6)
	b = num(append(b, `","uid":"C`...), a.N)
	b = p.address(append(b, `","id.orig_h":"`...), a.Client)
	b = num(append(b, `","id.orig_p":40000,"id.resp_h":"10.255.0.53","id.resp_p":53,"proto":"udp","trans_id":`...), a.N&0xffff)
	b = append(num(append(b, `,"rtt":`...), int64(a.Load)/1e9), '.')
	b = padded(b, int64(a.Load)%1e9, 9)
	b = num(append(b, `,"query":"host`...), a.Key)
	b = append(b, `.example","qtype":1,"qtype_name":"A","answers":["alias.example","192.0.2.7"],"TTLs":[`...)
	b = num(b, int64(p.w.TTL/time.Second)+40_000)
	b = num(append(b, ".0,"...), int64(p.w.TTL/time.Second))
	return append(b, ".0],\"rejected\":false}\n"...)
}

func (p *writer) zeekHTTP(b []byte, a *Access) []byte {
	b = p.isoTime(append(b, `{"_path":"http","ts":"`...), p.ns(a), 6)
	b = num(append(b, `","uid":"C`...), a.N)
	b = p.address(append(b, `","id.orig_h":"`...), a.Client)
	b = append(append(b, `","trans_depth":1,"method":"`...), method(a.Op)...)
	b = p.key(append(b, `","host":"shop.example","uri":"`...), a)
	b = num(append(b, `","response_body_len":`...), a.Size)
	return append(b, ",\"status_code\":200}\n"...)
}

// spansPerRequest is how many spans stand in a line.
const spansPerRequest = 16

func (p *writer) span(b []byte, a *Access) []byte {
	if p.spans%spansPerRequest == 0 {
		b = p.closeSpans(b)
		b = append(b, `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"generated"}}]},"scopeSpans":[{"scope":{"name":"loads"},"spans":[`...)
	} else {
		b = append(b, ',')
	}
	p.spans++
	b = append(b, `{"traceId":"`...)
	b = padded(b, int64(a.N), 32)
	b = append(b, `","spanId":"`...)
	b = padded(b, int64(a.N), 16)
	b = append(b, `","name":"load","kind":3,"startTimeUnixNano":"`...)
	b = append(num(b, p.ns(a)), `","endTimeUnixNano":"`...)
	b = append(num(b, p.ns(a)+int64(a.Load)), `","attributes":[{"key":"cache.key","value":{"stringValue":"`...)
	return append(p.key(b, a), `"}}]}`...)
}

func (p *writer) closeSpans(b []byte) []byte {
	if p.spans == 0 {
		return b
	}
	return append(b, "]}]}]}\n"...)
}

func (p *writer) openStack(b []byte, a *Access) []byte {
	end := p.ns(a) + int64(a.Load)
	p.texts(end)
	b = append(b, "nova-api.log.1 "...)
	b = append(append(b, p.iso[:10]...), ' ')
	b = append(append(b, p.iso[11:]...), '.')
	b = padded(b, end/1e6%1000, 3)
	b = append(b, " 25746 INFO nova.osapi_compute.wsgi.server [req-generated - - -] "...)
	b = append(p.address(b, a.Client), ' ')
	b = num(append(p.request(b, a), " status: 200 len: "...), a.Size)
	b = append(num(append(b, " time: "...), int64(a.Load)/1e9), '.')
	return append(padded(b, int64(a.Load)%1e9/100, 7), '\n')
}
