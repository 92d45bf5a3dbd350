//go:build antipatterns

// Command callerstore leaves what it loads in the storage of whoever came
// first: the others find nothing in theirs.
package main

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/onefold-go/onefold/singleflight"
)

// storage is what one request remembers.
type storage struct{ values map[string]string }

func (s *storage) set(key, value string) { s.values[key] = value }

type settings struct{ group singleflight.Group }

// load brings the settings of a tenant into a request's storage.
func (s *settings) load(request *storage, tenant string) error {
	_, err, _ := s.group.Do(tenant, func() (any, error) {
		time.Sleep(50 * time.Millisecond)
		request.set(tenant, "dark mode") // wrong
		return nil, nil
	})
	return err
}

func main() {
	var (
		s     settings
		wg    sync.WaitGroup
		found atomic.Int64
	)
	for range 10 {
		wg.Go(func() {
			request := &storage{values: make(map[string]string)}
			if err := s.load(request, "acme"); err != nil {
				fmt.Println(err)
			}
			if request.values["acme"] != "" {
				found.Add(1)
			}
		})
	}
	wg.Wait()
	fmt.Println("requests: 10, with the settings of their tenant:", found.Load())
}
