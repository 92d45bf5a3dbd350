package trace_test

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/onefold-go/onefold/advise/trace"
)

const accessLog = `192.0.2.1 - - [01/Mar/2026:12:00:00 +0000] "GET /users/7 HTTP/1.1" 200 512 "-" "app" 0.020 MISS
192.0.2.2 - - [01/Mar/2026:12:00:00 +0000] "GET /users/7 HTTP/1.1" 200 512 "-" "app" 0.019 MISS
192.0.2.1 - - [01/Mar/2026:12:00:01 +0000] "PUT /users/7 HTTP/1.1" 204 0 "-" "app" 0.031 -
192.0.2.3 - - [01/Mar/2026:12:00:03 +0000] "GET /users/8 HTTP/1.1" 200 498 "-" "app" 0.022 MISS
`

func ExampleOpenReaders() {
	s, err := trace.OpenReaders([]trace.Input{{Name: "access.log", Reader: strings.NewReader(accessLog)}}, trace.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	fmt.Println(s.Guesses()[0])

	batch := make([]trace.Record, 4096)
	for {
		n, err := s.Read(batch)
		for _, r := range batch[:n] {
			fmt.Println(r.Op, r.Status, r.Cache)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			fmt.Println(err)
			return
		}
	}
	for _, f := range s.Summary().Findings {
		fmt.Println(f.Severity, f.Kind)
	}
	// Output:
	// access.log is read as combined: 4 of its first 4 lines follow that form. The time of an access is in square brackets as day/month/year:time, taken as its end; the key is the request's target; read beside them: method, client, status, size, $request_time, $upstream_cache_status. Assumed: the columns behind the usual ones are $request_time and $upstream_cache_status, by how they look; Config.Template says it for certain.
	// read 200 miss
	// read 200 miss
	// write 204 none
	// read 200 miss
	// serious behind-cache
	// caution assumed
	// caution coarse-stamps
	// note end-less-duration
}

func ExampleOpen() {
	_, err := trace.Open([]string{"/no/such/access.log.gz"}, trace.Config{Ops: []string{"GET"}})
	fmt.Println(err)
	// Output: trace: open /no/such/access.log.gz: no such file or directory
}

func ExampleParseFormat() {
	f, err := trace.ParseFormat("redis-monitor")
	fmt.Println(f, err)
	_, err = trace.ParseFormat("monitor")
	fmt.Println(strings.Contains(err.Error(), "redis-monitor"))
	// Output:
	// redis-monitor <nil>
	// true
}
