//go:build antipatterns

// Command reqcapture loads with the request of whoever came first: the others
// get what that one was allowed to see.
package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/onefold-go/onefold/singleflight"
)

type pages struct {
	group singleflight.Group
	cache sync.Map
}

func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := r.URL.Path
	v, err, _ := p.group.Do(key, func() (any, error) {
		page, err := render(r) // wrong
		if err == nil {
			p.cache.Store(key, page)
		}
		return page, err
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprint(w, v)
}

func render(r *http.Request) (string, error) {
	time.Sleep(50 * time.Millisecond)
	return "inbox of " + r.Header.Get("X-User"), nil
}

func main() {
	var (
		p  pages
		wg sync.WaitGroup
	)
	for _, user := range []string{"ada", "grace", "edsger"} {
		wg.Go(func() {
			r := httptest.NewRequest(http.MethodGet, "/inbox", nil)
			r.Header.Set("X-User", user)
			w := httptest.NewRecorder()
			p.ServeHTTP(w, r)
			body, _ := io.ReadAll(w.Result().Body)
			fmt.Printf("%s gets the %s\n", user, body)
		})
	}
	wg.Wait()
}
