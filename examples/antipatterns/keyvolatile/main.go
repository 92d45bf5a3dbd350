//go:build antipatterns

// Command keyvolatile has the ID of the request in the key: no two callers ask
// for the same, and no load is shared.
package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/onefold-go/onefold/singleflight"
)

type rates struct {
	group singleflight.Group
	cache sync.Map
	loads atomic.Int64
}

func (r *rates) rate(currency string) (any, error) {
	if v, ok := r.cache.Load(currency); ok {
		return v, nil
	}
	requestID := strconv.FormatUint(rand.Uint64(), 16)
	v, err, _ := r.group.Do(currency+"/"+requestID, func() (any, error) { // wrong
		r.loads.Add(1)
		time.Sleep(50 * time.Millisecond)
		r.cache.Store(currency, 1.1)
		return 1.1, nil
	})
	return v, err
}

func main() {
	var (
		r  rates
		wg sync.WaitGroup
	)
	for range 20 {
		wg.Go(func() {
			if _, err := r.rate("EUR"); err != nil {
				fmt.Println(err)
			}
		})
	}
	wg.Wait()
	fmt.Println("callers: 20, loads:", r.loads.Load())
}
