//go:build antipatterns

// Command callerstore leaves what it loads in the storage of whoever came
// first: the others find nothing in theirs.
package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/onefold-go/onefold/singleflight"
)

type settings struct{ group singleflight.Group }

// load gives the settings of a tenant and leaves them in the request's storage,
// for what comes later in the request.
func (s *settings) load(ctx context.Context, tenant string) (any, error) {
	request := storageOf(ctx)
	v, err, _ := s.group.Do(tenant, func() (any, error) {
		time.Sleep(50 * time.Millisecond)
		v := "dark mode"
		request.Set(tenant, v) // wrong
		return v, nil
	})
	return v, err
}

// storage is what one request remembers.
type storage struct{ values map[string]string }

func (s *storage) Set(key, value string) { s.values[key] = value }

type storageKey struct{}

func storageOf(ctx context.Context) *storage { return ctx.Value(storageKey{}).(*storage) }

func main() {
	var (
		s     settings
		wg    sync.WaitGroup
		found atomic.Int64
	)
	for range 10 {
		wg.Go(func() {
			request := &storage{values: make(map[string]string)}
			ctx := context.WithValue(context.Background(), storageKey{}, request)
			if _, err := s.load(ctx, "acme"); err != nil {
				fmt.Println(err)
			}
			if request.values["acme"] != "" {
				found.Add(1)
			}
		})
	}
	wg.Wait()
	fmt.Println("requests: 10, with the settings in their storage:", found.Load())
}
