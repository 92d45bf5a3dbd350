package web

import (
	"context"
	"io"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/singleflight"
)

var g singleflight.Group

func read(resp *http.Response, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

// The default client has no timeout.
func get(url string) (any, error) {
	v, err, _ := g.Do(url, func() (any, error) {
		return read(http.Get(url)) // want `this load waits without a deadline`
	})
	return v, err
}

// Nor has one that sets none.
func zero(url string) (any, error) {
	v, err, _ := g.Do(url, func() (any, error) {
		client := &http.Client{}
		req, err := http.NewRequest("GET", url, nil)
		if err != nil {
			return nil, err
		}
		return read(client.Do(req)) // want `this load waits without a deadline`
	})
	return v, err
}

func dial(addr string) (any, error) {
	v, err, _ := g.Do(addr, func() (any, error) {
		return net.Dial("tcp", addr) // want `this load waits without a deadline`
	})
	return v, err
}

// A request with a context that nothing ends.
func request(ctx context.Context, url string) (any, error) {
	v, err, _ := g.Do(url, func() (any, error) {
		ctx := context.WithoutCancel(ctx)
		req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
		if err != nil {
			return nil, err
		}
		return read(http.DefaultClient.Do(req)) // want `a context that was detached and has no deadline`
	})
	return v, err
}

// A client with a timeout, and one that nothing is known of.
func fine(given *http.Client, url string) (any, error) {
	v, err, _ := g.Do(url, func() (any, error) {
		client := &http.Client{Timeout: time.Second}
		req, err := http.NewRequest("GET", url, nil)
		if err != nil {
			return nil, err
		}
		if v, err := read(client.Do(req)); err == nil {
			return v, nil
		}
		return read(given.Do(req))
	})
	return v, err
}

// A dial with a timeout.
func dialSoon(addr string) (any, error) {
	v, err, _ := g.Do(addr, func() (any, error) { return net.DialTimeout("tcp", addr, time.Second) })
	return v, err
}
