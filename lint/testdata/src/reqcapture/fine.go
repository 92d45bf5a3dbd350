package reqcapture

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/gin-gonic/gin"
)

// What is read is in the key.
func (s *server) covered(w http.ResponseWriter, r *http.Request) {
	v, _, _ := s.g.Do(r.Method+" "+r.URL.Path, func() (any, error) {
		return s.page(r.Context(), r.Method, r.URL.Path)
	})
	fmt.Fprint(w, v)
}

// So it is when the key is a variable, and all of the URL.
func (s *server) variable(w http.ResponseWriter, r *http.Request) {
	key := r.URL.String()
	tenant := r.Header.Get("X-Tenant")
	key = tenant + "/" + key
	v, _, _ := s.g.Do(key, func() (any, error) {
		return s.page(context.Background(), r.URL.Path+r.URL.Query().Get("page"), r.Header.Get("X-Tenant"))
	})
	fmt.Fprint(w, v)
}

// What the load needs was taken out before: whether it is in the key is another
// rule's question.
func (s *server) before(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	v, _, _ := s.g.Do(id, func() (any, error) { return s.page(context.Background(), id, "") })
	fmt.Fprint(w, v)
}

// The context of the request is not what is in it.
func (s *server) context(w http.ResponseWriter, r *http.Request) {
	v, _, _ := s.g.Do("k", func() (any, error) {
		return s.page(context.WithoutCancel(r.Context()), "k", "")
	})
	fmt.Fprint(w, v)
}

// A gin context that is given for a context is one.
func (s *server) ginContext(c *gin.Context) {
	id := c.Param("id")
	v, _, _ := s.g.Do(id, func() (any, error) { return s.page(c, c.Param("id"), "") })
	c.JSON(200, v)
}

// A line in the log.
func (s *server) logged(w http.ResponseWriter, r *http.Request) {
	v, _, _ := s.g.Do("k", func() (any, error) {
		slog.Info("loads", "for", r.RemoteAddr, "path", fmt.Sprint(r.URL.Path))
		return s.page(context.Background(), "k", "")
	})
	fmt.Fprint(w, v)
}

// The key is made of the request by a function that can be read.
func (s *server) keyOf(w http.ResponseWriter, r *http.Request) {
	v, _, _ := s.g.Do(keyOf(r), func() (any, error) {
		return s.page(context.Background(), r.URL.Path, r.Header.Get("Accept-Language"))
	})
	fmt.Fprint(w, v)
}

func keyOf(r *http.Request) string { return r.URL.Path + "|" + r.Header.Get("Accept-Language") }

// Or of a hash that it was written into.
func (s *server) hashed(w http.ResponseWriter, r *http.Request) {
	h := sha256.New()
	fmt.Fprint(h, r.URL.Path, r.Header.Get("Accept"))
	v, _, _ := s.g.Do(string(h.Sum(nil)), func() (any, error) {
		return s.page(context.Background(), r.URL.Path, r.Header.Get("Accept"))
	})
	fmt.Fprint(w, v)
}

// A request that the load's owner made is no caller's.
func (s *server) outgoing(id string) (any, error) {
	req, err := http.NewRequest("GET", "http://source/"+id, nil)
	if err != nil {
		return nil, err
	}
	v, err, _ := s.g.Do(id, func() (any, error) { return s.base.RoundTrip(req) })
	return v, err
}

// One that is made in the load as well.
func (s *server) within(id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) {
		req, err := http.NewRequest("GET", "http://source/"+id, nil)
		if err != nil {
			return nil, err
		}
		return s.base.RoundTrip(req)
	})
	return v, err
}

// The function that is handed the request takes the context only.
func (s *server) helper(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	v, _, _ := s.g.Do(id, func() (any, error) { return s.page(free(r), id, "") })
	fmt.Fprint(w, v)
}

func free(r *http.Request) context.Context { return context.WithoutCancel(r.Context()) }
