package trace_test

import (
	"strings"
	"testing"
	"time"

	"github.com/onefold-go/onefold/advise/trace"
)

// Lines as the documentation of their programs has them, or made up after it.
func TestLinesOfServers(t *testing.T) {
	const nginx = `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" ` +
		`rt=$request_time urt="$upstream_response_time" cs=$upstream_cache_status m=$msec`
	for _, c := range []struct {
		name string
		text string
		cfg  trace.Config
		want trace.Record // but for Key and Client
		keys string       // what the same key as that of the first record would be written as in JSON
	}{
		{
			name: "common", text: `127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326`,
			want: trace.Record{Status: 200, Size: 2326, Duration: -1, Hints: trace.Authorization}, keys: "/apache_pb.gif",
		},
		{
			name: "combined with quotes", text: `10.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET /a\"b?x=\\ HTTP/1.0" 404 - "-" "a \"quoted\" agent"`,
			want: trace.Record{Status: 404, Size: -1, Duration: -1}, keys: `/a\\\"b?x=\\\\`,
		},
		{
			name: "nginx by template", cfg: trace.Config{Template: nginx},
			text: `10.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.0" 200 5 "-" "x" rt=0.250 urt="0.100, 0.050 : 0.010" cs=EXPIRED m=971211336.250`,
			want: trace.Record{Status: 200, Size: 5, Duration: 160e6, Cache: trace.Miss}, keys: "/a",
		},
		{
			name: "nginx by its looks",
			text: `10.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.0" 200 5 "-" "x" rt=0.250 uct="0.000" urt="-" cs=HIT`,
			want: trace.Record{Status: 200, Size: 5, Duration: 250e6, Cache: trace.Hit}, keys: "/a",
		},
		{
			name: "nginx with the time twice", cfg: trace.Config{Template: `$time_iso8601 $msec $uri`},
			text: "2000-10-10T20:55:36+00:00 971211336.250 /a", want: trace.Record{Size: -1, Duration: -1}, keys: "/a",
		},
		{
			name: "Apache by template", cfg: trace.Config{Template: `%h %l %u %t \"%r\" %>s %b %D`},
			text: `10.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.0" 200 5 1500`,
			want: trace.Record{Status: 200, Size: 5, Duration: 1_500_000}, keys: "/a",
		},
		{
			name: "Apache with the path and the query apart", cfg: trace.Config{Template: `%t %m %U%q %s`},
			text: `[10/Oct/2000:13:55:36 -0700] PUT /a?b=1 201`,
			want: trace.Record{Status: 201, Size: -1, Duration: -1, Op: trace.Write, Hints: trace.UnsafeMethod}, keys: "/a?b=1",
		},
		{
			name: "Envoy's default",
			text: `[2016-04-15T20:17:00.310Z] "GET /api/v1/locations HTTP/2" 204 - 154 0 226 100 "10.0.35.28" "nsq2http" "cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2" "locations" "tcp://10.0.2.1:80"`,
			want: trace.Record{Status: 204, Size: 0, Duration: 100e6},
		},
		{
			name: "Envoy by template", cfg: trace.Config{Template: `[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %DURATION%`},
			text: `[2016-04-15T20:17:00.310Z] "GET /api HTTP/2" 204 226`,
			want: trace.Record{Status: 204, Size: -1, Duration: 226e6}, keys: "/api",
		},
		{
			name: "ALB",
			text: `https 2018-07-02T22:23:00.186641Z app/my-loadbalancer/50dc6c495c0c9188 192.168.131.39:2817 10.0.0.1:80 0.086 0.048 0.037 200 200 0 57 "GET https://www.example.com:443/ HTTP/1.1" "curl/7.46.0" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/my-targets/73e2d6bc24d8a067 "Root=1-58337281-1d84f3d73c47ec4e58577259" "www.example.com" "arn:aws:acm:us-east-2:123456789012:certificate/12345678-1234-1234-1234-123456789012" 1 2018-07-02T22:22:48.364000Z "authenticate,forward" "-" "-" "10.0.0.1:80" "200" "-" "-" TID_123456`,
			want: trace.Record{Status: 200, Size: 57, Duration: 48e6}, keys: "https://www.example.com:443/",
		},
		{
			name: "Redis", text: `1339518083.107412 [0 127.0.0.1:60866] "get" "user:1"`,
			want: trace.Record{Size: -1, Duration: -1}, keys: "user:1",
		},
		{
			name: "Redis SET", text: `1339518083.107412 [0 [::1]:60866] "SET" "user:\"1" "some \\ value" "PX" "1500"`,
			want: trace.Record{Size: -1, Duration: -1, TTL: 1.5e9, Op: trace.Write}, keys: `user:\"1`,
		},
		{
			name: "memcached", text: `ts=1700000000.34 gid=12 type=item_get key=user%3A1 status=not_found clsid=1 cfd=30 size=11`,
			want: trace.Record{Size: 11, Duration: -1, Cache: trace.Miss}, keys: "user%3A1",
		},
		{
			name: "Zeek", text: `{"_path":"dns","ts":1521911721.25,"uid":"C1","trans_id":1,"query":"a.example","qtype_name":"A","rtt":9.5e-05,"TTLs":[300.0,60.0]}`,
			want: trace.Record{Size: -1, Duration: 95_000, TTL: 60e9},
		},
		{
			name: "nested JSON", cfg: trace.Config{Columns: trace.Columns{Key: []string{"req.path"}}},
			text: `{"ts":"2026-01-01T00:00:00Z","req":{"path":"\/a\u0062","method":"GET","x":[1,{"y":"]"}]},"latency_us":1500,"ttl":"5m","status":304}`,
			want: trace.Record{Size: -1, Duration: 1_500_000, Status: 304}, keys: "/ab",
		},
		{
			name: "durations with their unit", text: `{"ts":"2026-01-01T00:00:00Z","key":"a","took":"12.5ms"}`,
			want: trace.Record{Size: -1, Duration: 12_500_000}, keys: "a",
		},
		{
			name: "quoted CSV", text: "time,size,key\n1700000000,5,\"a \"\"b\"\", c\"\n",
			want: trace.Record{Size: 5, Duration: -1}, keys: `a \"b\", c`,
		},
		{
			name: "a pattern", cfg: trace.Config{Pattern: `^(?P<time>\S+) took (?P<took>\d+) for (?P<key>\w+)`, DurationUnit: time.Microsecond},
			text: "other line\n2026-01-01T00:00:00Z took 15 for ann\n",
			want: trace.Record{Size: -1, Duration: 15_000}, keys: "ann",
		},
		{
			name: "one span", text: `{"resourceSpans":[{"scopeSpans":[{"spans":[
				{"name":"handler","kind":2,"startTimeUnixNano":"1700000000000000000","endTimeUnixNano":"1700000001000000000"},
				{"name":"GET","kind":"SPAN_KIND_CLIENT","startTimeUnixNano":"1700000000100000000","endTimeUnixNano":"1700000000600000000",
				 "attributes":[{"key":"http.request.method","value":{"stringValue":"GET"}},{"key":"http.response.status_code","value":{"intValue":"200"}},
				 {"key":"url.full","value":{"stringValue":"a"}}]}]}]}]}`,
			want: trace.Record{Size: -1, Duration: 500e6, Status: 200}, keys: "a",
		},
	} {
		c.cfg.Seed = 4
		s := open(t, c.text, c.cfg)
		got := all(t, s)
		if len(got) != 1 {
			t.Errorf("%s: %d records, want 1; %v; %+v", c.name, len(got), s.Guesses()[0], s.Summary().Files[0])
			continue
		}
		r := got[0]
		if c.keys != "" {
			same := all(t, open(t, `{"time":1700000000,"key":"`+c.keys+`"}`, trace.Config{Seed: 4}))
			if same[0].Key != r.Key {
				t.Errorf("%s: the key is not %s", c.name, c.keys)
			}
		}
		if c.want.TTL == 0 {
			c.want.TTL = trace.Unknown
		}
		r.Key, r.Client = 0, 0
		if c.name == "nested JSON" {
			r.TTL = trace.Unknown // "5m" is no number of seconds
		}
		if r != c.want {
			t.Errorf("%s:\n got %+v\nwant %+v\n%v", c.name, r, c.want, s.Guesses()[0])
		}
	}
}

func TestCommandsWithSeveralKeysAreSeveralRecords(t *testing.T) {
	s := open(t, `OK
1339518083.107412 [0 127.0.0.1:60866] "MGET" "a" "b" "c"
1339518083.207412 [0 127.0.0.1:60866] "del" "a" "b"
1339518083.307412 [3 127.0.0.1:60866] "GET" "a"
1339518083.407412 [0 lua] "PING"
1339518083.507412 [0 127.0.0.1:60866] "MSET" "a" "1" "b" "2"
`, trace.Config{})
	got := all(t, s)
	var ops []string
	for _, r := range got {
		ops = append(ops, r.Op.String())
	}
	if want := "read read read delete delete read write write"; strings.Join(ops, " ") != want {
		t.Fatalf("the records are %v, want %v", ops, want)
	}
	if got[0].Key != got[3].Key || got[1].Key != got[4].Key || got[0].Key == got[1].Key || got[5].Key == got[0].Key || got[6].Key != got[0].Key {
		t.Errorf("keys are mixed up: %+v", got)
	}
}

func TestLinesThatSumUpAreSeveralRecords(t *testing.T) {
	s := open(t, "op_time,key,key_size,op,op_count,size,cache_hits,ttl\n100,a,4,GET,3,10,3,0\n101,b,4,SET,1,10,0,60\n102,c,4,GET,100001,1,0,0\n", trace.Config{})
	got := all(t, s)
	if len(got) != 4 || got[2].Key != got[0].Key || got[3].Op != trace.Write || got[3].TTL != 60e9 || got[0].TTL != trace.Unknown {
		t.Errorf("%+v", got)
	}
	if sum := s.Summary(); sum.Files[0].Repeats != 2 || sum.Files[0].Bad != 1 || !has(sum, trace.Repeated) {
		t.Errorf("%+v", sum.Files[0])
	}
}

func TestMemcachedLinesAreOrderedAndLookupsOfStoresLeftOut(t *testing.T) {
	s := open(t, `ts=1700000000.100 gid=1 type=item_get key=a status=not_found clsid=0 cfd=30 size=0
ts=1700000000.300 gid=3 type=item_store key=a status=stored cmd=set ttl=60 clsid=1 cfd=30 size=5
ts=1700000000.200 gid=2 type=item_get key=a status=not_found clsid=0 cfd=30 size=0
ts=1700000000.100000 gid=4 type=item_get key=a status=found clsid=1 cfd=31 size=5
ts=1700000000.200000 gid=5 type=eviction key=b fetch=no ttl=0 la=5 clsid=1 size=5
`, trace.Config{})
	got := all(t, s)
	if len(got) != 3 || got[0].Op != trace.Read || got[1].Op != trace.Write || got[1].TTL != 60e9 || got[2].Cache != trace.Hit {
		t.Fatalf("%+v", got)
	}
	if got[1].Time != 200_000 || got[2].Time != 99_900_000 {
		t.Errorf("the times are %d and %d, want 200 µs and 99.9 ms", got[1].Time, got[2].Time)
	}
}

func TestAWrongColumnIsNamedWithThoseThereAre(t *testing.T) {
	for _, c := range []trace.Columns{{Time: "when"}, {Key: []string{"what"}}, {Time: "9"}, {Time: "time", Key: []string{"time"}}} {
		s, err := trace.OpenReaders([]trace.Input{{Name: "f", Reader: strings.NewReader("time,url\n1700000000,a\n")}}, trace.Config{Columns: c})
		if err == nil {
			s.Close()
			t.Errorf("%+v gives no error", c)
			continue
		}
		if !strings.Contains(err.Error(), "time, url") && !strings.Contains(err.Error(), "twice") {
			t.Errorf("%+v gives %v", c, err)
		}
	}
}

func TestKeysOfSeveralColumns(t *testing.T) {
	text := "time,tenant,kind,id\n1700000000,t1,a,1\n1700000001,t2,a,1\n1700000002,t1,a,1\n1700000003,t1,a1,\n1700000004,t1,,\n"
	s := open(t, text, trace.Config{Columns: trace.Columns{Key: []string{"kind", "id"}}})
	got := all(t, s)
	if len(got) != 4 || got[0].Key == got[1].Key || got[0].Key != got[2].Key || got[0].Key == got[3].Key {
		t.Errorf("%+v", got)
	}
	if s.Summary().Files[0].NoKey != 1 {
		t.Errorf("%+v", s.Summary().Files[0])
	}
}

func TestFormatsHaveNames(t *testing.T) {
	for f := trace.Auto; f <= trace.OpenStack; f++ {
		if g, err := trace.ParseFormat(f.String()); err != nil || g != f {
			t.Errorf("%v is parsed as %v, %v", f, g, err)
		}
	}
	if _, err := trace.ParseFormat("xml"); err == nil {
		t.Error("xml is a format")
	}
}
