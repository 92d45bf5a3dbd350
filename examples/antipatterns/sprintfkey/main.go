//go:build antipatterns

// Command sprintfkey formats a key for each item of a hot loop, hits too: what it
// costs to make the key is most of what a hit costs.
package main

import (
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/onefold-go/onefold/singleflight"
)

type prices struct {
	group singleflight.Group
	cache sync.Map
}

func (p *prices) formatted(items []int) (total int, err error) {
	for _, id := range items {
		key := fmt.Sprintf("price:%d", id) // wrong
		v, ok := p.cache.Load(key)
		if !ok {
			v, err, _ = p.group.Do(key, func() (any, error) { return p.query(key, id) })
			if err != nil {
				return 0, err
			}
		}
		total += v.(int)
	}
	return total, nil
}

func (p *prices) joined(items []int) (total int, err error) {
	for _, id := range items {
		key := "price:" + strconv.Itoa(id)
		v, ok := p.cache.Load(key)
		if !ok {
			v, err, _ = p.group.Do(key, func() (any, error) { return p.query(key, id) })
			if err != nil {
				return 0, err
			}
		}
		total += v.(int)
	}
	return total, nil
}

func (p *prices) query(key string, id int) (any, error) {
	p.cache.Store(key, id)
	return id, nil
}

func main() {
	var p prices
	items := make([]int, 100_000)
	for i := range items {
		items[i] = 1000 + i%50
	}
	for _, way := range []struct {
		name string
		sum  func([]int) (int, error)
	}{{"Sprintf", p.formatted}, {"joined", p.joined}} {
		begin := time.Now()
		if _, err := way.sum(items); err != nil {
			fmt.Println(err)
		}
		fmt.Printf("%-8s %v an item\n", way.name, time.Since(begin)/time.Duration(len(items)))
	}
}
