package reqcapture

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/gin-gonic/gin"

	"golang.org/x/sync/singleflight"
)

type server struct {
	g    singleflight.Group
	next http.Handler
	base http.RoundTripper
}

func (s *server) page(ctx context.Context, path, user string) (string, error) {
	return path + user, nil
}

func user(r *http.Request) string { return r.Header.Get("Authorization") }

// Who asks decides what is given, and is not in the key.
func (s *server) header(w http.ResponseWriter, r *http.Request) {
	v, err, _ := s.g.Do(r.URL.Path, func() (any, error) {
		return s.page(r.Context(), r.URL.Path, r.Header.Get("Authorization")) // want `reads the request of its first caller \(r.Header.Get\("Authorization"\)\): the others are given what was made for another request`
	})
	fmt.Fprint(w, v, err)
}

// The whole request is handed on.
func (s *server) handed(w http.ResponseWriter, r *http.Request) {
	v, _, _ := s.g.Do(r.URL.Path, func() (any, error) {
		return loadFor(r) // want `reads the request of its first caller \(loadFor\(r\)\)`
	})
	fmt.Fprint(w, v)
}

func loadFor(r *http.Request) (any, error) {
	return r.URL.Path + user(r), nil
}

// The body is read once, by the first.
func (s *server) body(w http.ResponseWriter, r *http.Request) {
	id := r.URL.Query().Get("id")
	v, _, _ := s.g.Do("search:"+id, func() (any, error) {
		var q struct{ Text string }
		err := json.NewDecoder(r.Body).Decode(&q) // want `reads the request of its first caller \(r.Body\)`
		return q.Text, err
	})
	fmt.Fprint(w, v)
}

// One page of the list, and the key is of all pages.
func (s *server) query(c *gin.Context) {
	v, _, _ := s.g.Do("list:"+c.Param("id"), func() (any, error) {
		return s.page(c, c.Param("id"), c.Query("page")) // want `reads the request of its first caller \(c.Query\("page"\)\)`
	})
	c.JSON(200, v)
}

// The answer goes to the first caller only.
func (s *server) answer(w http.ResponseWriter, r *http.Request) {
	s.g.Do(r.URL.Path, func() (any, error) {
		p, err := s.page(context.Background(), r.URL.Path, "")
		if err != nil {
			http.Error(w, err.Error(), 500) // want `writes to the response of its first caller \(http.Error\(w, err.Error\(\), 500\)\): the others get no answer from it`
			return nil, err
		}
		io.WriteString(w, p)
		return nil, nil
	})
}

// The same, of a framework.
func (s *server) ginAnswer(c *gin.Context) {
	id := c.Param("id")
	s.g.Do(id, func() (any, error) {
		p, err := s.page(context.Background(), id, "")
		c.JSON(200, p) // want `writes to the response of its first caller \(c.JSON\(200, p\)\)`
		return p, err
	})
}

// The load comes out of a function that was given the request.
func (s *server) made(w http.ResponseWriter, r *http.Request) {
	v, _, _ := s.g.Do(r.URL.Path, loadOf(r))
	fmt.Fprint(w, v)
}

func loadOf(r *http.Request) func() (any, error) {
	return func() (any, error) {
		c, err := r.Cookie("session") // want `reads the request of its first caller \(r.Cookie\("session"\)\)`
		return c, err
	}
}

// The next handler sees the first request, with its cookies, for the path of all.
func (s *server) cached(w http.ResponseWriter, r *http.Request) {
	v, _, _ := s.g.Do(r.URL.String(), func() (any, error) {
		var b buffer
		s.next.ServeHTTP(&b, r) // want `reads the request of its first caller \(s.next.ServeHTTP\(&b, r\)\)`
		return b.text, nil
	})
	fmt.Fprint(w, v)
}

type buffer struct {
	http.ResponseWriter
	text string
}

// The key is of the whole request, in the words of another package: a note, as
// it may hold all that the load reads.
func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	v, err, _ := s.g.Do(fmt.Sprint(r), func() (any, error) {
		return s.base.RoundTrip(r) // want `reads the request of its first caller`
	})
	if err != nil {
		return nil, err
	}
	return v.(*http.Response), nil
}

func reply(c *gin.Context, v any) { c.JSON(200, v) }

func note(key string, v any) {}

// The handlers after a middleware read the request. What comes out of the load is
// no part of the key, though it is used where the key is.
func after() gin.HandlerFunc {
	var g singleflight.Group
	return func(c *gin.Context) {
		key := c.Param("id")
		w := &recorder{ResponseWriter: c.Writer}
		c.Writer = w
		v, _, _ := g.Do(key, func() (any, error) {
			c.Next() // want `reads the request of its first caller \(c.Next\(\)\)`
			p := new(recording)
			p.fill(w)
			return p, nil
		})
		note(key, v)
		reply(c, v)
	}
}

type recorder struct {
	http.ResponseWriter
	body   bytes.Buffer
	status int
}

func (r *recorder) Status() int { return r.status }

type recording struct {
	status int
	header http.Header
	data   []byte
}

func (p *recording) fill(r *recorder) {
	p.status = r.Status()
	p.header = r.Header().Clone()
	p.data = r.body.Bytes()
}
