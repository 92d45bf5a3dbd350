//go:build antipatterns

// Command sharedflag keeps whether a load was shared beside what it gave: from
// then on the flag says something about a burst that is long over.
package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/onefold-go/onefold/singleflight"
)

type entry struct {
	user   string
	shared bool
}

type users struct {
	group singleflight.Group
	cache sync.Map
}

func (u *users) user(id string) (entry, error) {
	if e, ok := u.cache.Load(id); ok {
		return e.(entry), nil
	}
	v, err, shared := u.group.Do(id, func() (any, error) {
		time.Sleep(50 * time.Millisecond)
		return "user " + id, nil
	})
	if err != nil {
		return entry{}, err
	}
	e := entry{user: v.(string), shared: shared} // wrong
	u.cache.Store(id, e)
	return e, nil
}

func main() {
	var (
		u  users
		wg sync.WaitGroup
	)
	for range 3 {
		wg.Go(func() {
			if _, err := u.user("ada"); err != nil {
				fmt.Println(err)
			}
		})
	}
	wg.Wait()
	e, err := u.user("ada")
	fmt.Printf("a caller that is alone gets %+v, %v\n", e, err)
}
