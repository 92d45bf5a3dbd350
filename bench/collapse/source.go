package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A scenario is what the source does to its callers.
type scenario uint8

const (
	uncacheable scenario = iota // each answer is marked no-store
	failing                     // each answer is 503
	slowLeader                  // the first answer takes plan.Slow; all may be stored
)

var scenarios = []scenario{uncacheable, failing, slowLeader}

func (s scenario) String() string { return [...]string{"uncacheable", "failing", "slow leader"}[s] }

// A source answers over HTTP, each call after the time that its scenario asks
// for, with the call's number. It serves any number of calls at once.
type source struct {
	scenario scenario
	plan     plan

	calls atomic.Int64 // begun

	mu   sync.Mutex
	now  int // calls under way
	most int // the greatest now there was
}

func (s *source) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	number := s.calls.Add(1)
	s.enter(1)
	defer s.enter(-1)

	took := s.plan.Load
	if s.scenario == slowLeader && number == 1 {
		took = s.plan.Slow
	}
	ready := time.NewTimer(took)
	defer ready.Stop()
	select {
	case <-ready.C:
	case <-r.Context().Done():
		return // nobody is there to be answered
	}

	switch s.scenario {
	case uncacheable:
		w.Header().Set("Cache-Control", "no-store")
	case failing:
		w.WriteHeader(http.StatusServiceUnavailable)
	case slowLeader:
		w.Header().Set("Cache-Control", fmt.Sprintf("max-age=%d", int(keep.Seconds())))
	}
	fmt.Fprintln(w, number)
}

func (s *source) enter(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now += n
	s.most = max(s.most, s.now)
}

// atOnce is the most calls that the source served at the same time.
func (s *source) atOnce() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.most
}

// serve answers on l until the returned function is called.
func (s *source) serve(l net.Listener) (stop func() error) {
	server := &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	return func() error {
		err := server.Close()
		if served := <-done; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
		return err
	}
}

// An answer is what one call of the source came to.
type answer struct {
	number  int64 // of the call, from 1
	noStore bool  // it may not be kept
}

// A client calls a server: the source, or what stands in front of it.
type client struct {
	http http.Client
	base string // URL of the server
}

// dialer is how a client reaches its server.
type dialer func(ctx context.Context, network, address string) (net.Conn, error)

func newClient(base string, dial dialer, callers int) *client {
	return &client{
		base: base,
		http: http.Client{Transport: &http.Transport{DialContext: dial, MaxIdleConnsPerHost: callers, DisableCompression: true}},
	}
}

// load asks the server for key. Any status but 200 is an error.
func (c *client) load(ctx context.Context, key string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/"+key, nil)
	if err != nil {
		return answer{}, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, err
	}
	if resp.StatusCode != http.StatusOK {
		return answer{}, fmt.Errorf("the source answered %s", resp.Status)
	}
	number, err := strconv.ParseInt(strings.TrimSpace(string(body)), 10, 64)
	if err != nil {
		return answer{}, fmt.Errorf("the source answered %q, want the number of the call", body)
	}
	return answer{number: number, noStore: resp.Header.Get("Cache-Control") == "no-store"}, nil
}

func (c *client) close() { c.http.CloseIdleConnections() }
