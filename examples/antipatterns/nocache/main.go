//go:build antipatterns

// Command nocache has a group and nothing behind it: callers that come together
// share a load, and those who come one after another load each time.
package main

import (
	"fmt"
	"sync/atomic"

	"github.com/onefold-go/onefold/singleflight"
)

type profiles struct {
	group   singleflight.Group
	queries atomic.Int64
}

func (p *profiles) profile(id string) (any, error) {
	v, err, _ := p.group.Do(id, func() (any, error) { // wrong
		return p.query(id)
	})
	return v, err
}

func (p *profiles) query(id string) (string, error) {
	p.queries.Add(1)
	return "profile of " + id, nil
}

func main() {
	var p profiles
	for range 10 {
		if _, err := p.profile("ada"); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println("callers: 10, queries:", p.queries.Load())
}
