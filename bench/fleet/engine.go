package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/onefold-go/onefold/internal/server"
)

// An engine is a kind of server.
type engine struct {
	name  string
	start func(args ...string) (*server.Server, error)
	read  func(addr string) (work, error)
	ping  string // a request that does nothing, for the round trip
}

var (
	redisEngine     = &engine{"redis", server.Redis, readRedis, "PING\r\n"}
	memcachedEngine = &engine{"memcached", server.Memcached, readMemcached, "mn\r\n"}
)

// A work is what a server has done since it started.
type work struct {
	calls map[string]int64 // by command
	cpu   time.Duration
}

// since gives what w has more than before, without the question for before,
// which a Redis counts when it has answered it.
func (w work) since(before work) work {
	d := work{calls: make(map[string]int64), cpu: w.cpu - before.cpu}
	for name, n := range w.calls {
		if n -= before.calls[name]; n > 0 {
			d.calls[name] = n
		}
	}
	if d.calls["info"] > 0 {
		d.calls["info"]--
	}
	return d
}

// ask sends a line to a server and reads lines until last says so.
func ask(addr, line string, last func(string) bool) (lines []string, err error) {
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second) //nolint:noctx // it has its time limit
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return nil, err
	}
	if _, err := io.WriteString(conn, line+"\r\n"); err != nil {
		return nil, err
	}
	r := bufio.NewReader(conn)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return nil, err
		}
		line = strings.TrimSuffix(line, "\r\n")
		if last(line) {
			return lines, nil
		}
		lines = append(lines, line)
	}
}

func readRedis(addr string) (work, error) {
	// The answer is one string; an empty line and the last section end it.
	section := ""
	lines, err := ask(addr, "INFO cpu commandstats", func(line string) bool {
		if after, ok := strings.CutPrefix(line, "# "); ok {
			section = after
		}
		return section == "Commandstats" && line == ""
	})
	if err != nil {
		return work{}, err
	}
	w := work{calls: make(map[string]int64)}
	for _, line := range lines {
		name, rest, _ := strings.Cut(line, ":")
		switch {
		case name == "used_cpu_user" || name == "used_cpu_sys":
			seconds, err := strconv.ParseFloat(rest, 64)
			if err != nil {
				return work{}, err
			}
			w.cpu += time.Duration(seconds * float64(time.Second))
		case strings.HasPrefix(name, "cmdstat_"):
			number, _, _ := strings.Cut(strings.TrimPrefix(rest, "calls="), ",")
			n, err := strconv.ParseInt(number, 10, 64)
			if err != nil {
				return work{}, err
			}
			w.calls[strings.TrimPrefix(name, "cmdstat_")] = n
		}
	}
	return w, nil
}

func readMemcached(addr string) (work, error) {
	lines, err := ask(addr, "stats", func(line string) bool { return line == "END" })
	if err != nil {
		return work{}, err
	}
	w := work{calls: make(map[string]int64)}
	for _, line := range lines {
		var name, value string
		if n, _ := fmt.Sscanf(line, "STAT %s %s", &name, &value); n != 2 {
			continue
		}
		switch name {
		case "rusage_user", "rusage_system":
			seconds, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return work{}, err
			}
			w.cpu += time.Duration(seconds * float64(time.Second))
		case "cmd_get", "cmd_set", "cmd_touch", "delete_hits", "delete_misses", "incr_hits", "incr_misses", "decr_hits", "decr_misses":
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return work{}, err
			}
			w.calls[name] = n
		}
	}
	return w, nil
}
