package trace

import (
	"encoding/json"
	"fmt"
)

// A Format is how a file writes its records.
type Format uint8

// The formats. Auto is the zero one.
const (
	Auto           Format = iota // found out from how the file begins
	CSV                          // columns with commas, tabs, semicolons or blanks between them
	JSONL                        // a JSON object a line
	Common                       // Apache's common log format, with more behind it or without
	Combined                     // Apache's and nginx's combined one, with more behind it or without
	Template                     // as Config.Template says
	Text                         // as Config.Pattern says
	Envoy                        // Envoy's default text
	EnvoyJSON                    // Envoy's fields as JSON
	ALB                          // AWS application load balancer
	RedisMonitor                 // what MONITOR prints
	MemcachedWatch               // what "watch fetchers mutations" prints
	Twitter                      // Twitter's cache traces: seven columns
	OracleGeneral                // libCacheSim's binary records
	CacheSimCSV                  // libCacheSim's CSV, with CloudPhysics' columns or its own
	MetaKV                       // Meta's key-value cache traces
	IBMObjects                   // IBM's object store traces
	Zeek                         // Zeek's JSON logs
	OTLP                         // OpenTelemetry spans as JSON
	OpenStack                    // the request lines of OpenStack services' logs
	Recording                    // what package record writes of a live service
)

var formatNames = [...]string{
	"auto", "csv", "jsonl", "common", "combined", "template", "text", "envoy", "envoy-json", "alb", "redis-monitor",
	"memcached-watch", "twitter", "oracle-general", "cachesim-csv", "meta-kv", "ibm-objects", "zeek", "otlp", "openstack",
	"recording",
}

// String gives the name that [ParseFormat] takes.
func (f Format) String() string {
	if int(f) < len(formatNames) {
		return formatNames[f]
	}
	return fmt.Sprintf("Format(%d)", uint8(f))
}

// MarshalJSON writes the name.
func (f Format) MarshalJSON() ([]byte, error) { return json.Marshal(f.String()) }

// ParseFormat gives the format that a name stands for.
func ParseFormat(name string) (Format, error) {
	for i, n := range formatNames {
		if n == name {
			return Format(i), nil
		}
	}
	return 0, fmt.Errorf("trace: there is no format %q: want one of %v", name, formatNames)
}

// The formats that are templates. What an access log calls its time stands at
// the front in Envoy's; Apache's is when the request came in, nginx's when it
// was answered, and a combined log does not say whose it is.
const (
	commonTemplate   = `$client - $user [$time] "$request" $status $size`
	combinedTemplate = commonTemplate + ` "$http_referer" "$http_user_agent"`
	envoyTemplate    = `[$time] "$request" $status $flags $received $size $took $duration "$client" "$http_user_agent" "$id" "$host" "$upstream"`
	albTemplate      = `$kind $written $elb $client $target $wait1 $duration $wait2 $status $target_status $received $size "$request" ` +
		`"$agent" $cipher $protocol $group "$trace" "$domain" "$cert" $priority $time "$actions"`
)

// names give a column its role by what it is usually called, the best name
// first. Names are compared without case, with any of "-. " as "_", and
// without the unit at their end.
var names = []struct {
	role  role
	names []string
}{
	{timeRole, []string{
		"time", "timestamp", "ts", "@timestamp", "start_time", "starttime", "start", "begin", "begin_time", "op_time",
		"msec", "time_local", "time_iso8601", "datetime", "date_time", "unix_time", "time_unix", "start_time_unix",
		"event_time", "eventtime", "access_time", "request_creation_time", "epoch", "date", "t",
	}},
	{keyRole, []string{
		"key", "cache_key", "cachekey", "object_id", "objectid", "obj_id", "object", "obj", "lbn", "request_uri", "url", "uri",
		"target", "path", "request_path", "http_path", "http_target", "url_path", "url_full", "resource", "query", "block", "id",
	}},
	{requestRole, []string{"request", "request_line"}},
	{opRole, []string{"op", "operation", "method", "request_method", "http_method", "http_request_method", "verb", "command", "cmd"}},
	{clientRole, []string{"client", "client_id", "client_ip", "client_address", "remote_addr", "remote_ip", "source_ip", "id_orig_h", "downstream_remote_address", "ip"}},
	{tenantRole, []string{"tenant", "tenant_id"}},
	{statusRole, []string{"status", "status_code", "response_code", "http_status", "response", "code", "http_response_status_code"}},
	{sizeRole, []string{"size", "bytes", "bytes_sent", "body_bytes_sent", "value_size", "response_size", "object_size", "obj_size", "length", "len"}},
	{durationRole, []string{
		"load", "load_time", "load_duration", "loader_duration", "upstream_response_time", "upstream_service_time",
		"x_envoy_upstream_service_time", "resp_x_envoy_upstream_service_time", "target_processing_time", "rtt",
	}},
	{tookRole, []string{"duration", "took", "request_time", "latency", "elapsed", "elapsed_time", "response_time", "time_taken", "total_time", "service_time"}},
	{ttlRole, []string{"ttl", "ttls", "max_age", "expires_in", "exptime"}},
	{cacheRole, []string{"cache", "cache_status", "upstream_cache_status", "cachestatus", "x_cache", "cf_cache_status", "cachecachestatus", "x_edge_result_type", "cache_result"}},
	{authRole, []string{"authorization", "http_authorization"}},
	{cookieRole, []string{"set_cookie", "sent_http_set_cookie"}},
	{repeatRole, []string{"op_count"}},
}

// Units by the end of a column's name.
var unitEnds = []struct {
	end  string
	unit int64
}{
	{"_nanoseconds", 1}, {"_nanos", 1}, {"_nano", 1}, {"_nsec", 1}, {"_ns", 1},
	{"_microseconds", 1e3}, {"_micros", 1e3}, {"_usec", 1e3}, {"_us", 1e3},
	{"_milliseconds", 1e6}, {"_millis", 1e6}, {"_msec", 1e6}, {"_ms", 1e6},
	{"_seconds", 1e9}, {"_secs", 1e9}, {"_sec", 1e9}, {"_s", 1e9},
}

// plainName gives a column's name in the form of the table, and its unit.
func plainName(name string) (plain string, unit int64) {
	b := make([]byte, 0, len(name)+4)
	for i := range len(name) {
		c := name[i]
		switch {
		case c == '-' || c == '.' || c == ' ' || c == '/':
			c = '_'
		case c >= 'A' && c <= 'Z':
			if i > 0 && (name[i-1] >= 'a' && name[i-1] <= 'z' || name[i-1] >= '0' && name[i-1] <= '9') {
				b = append(b, '_')
			}
			c |= 0x20
		}
		b = append(b, c)
	}
	for len(b) > 0 && (b[0] == '#' || b[0] == '_') {
		b = b[1:]
	}
	s := string(b)
	for _, u := range unitEnds {
		if len(s) > len(u.end) && s[len(s)-len(u.end):] == u.end {
			return s[:len(s)-len(u.end)], u.unit
		}
	}
	return s, 0
}
