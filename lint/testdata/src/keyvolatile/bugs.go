package keyvolatile

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"golang.org/x/sync/singleflight"
)

type store struct {
	g  singleflight.Group
	db interface {
		Find(id string) (string, error)
		Since(id string, at time.Time) (string, error)
	}
}

// The anti-pattern of the books: the id of the request is in the key.
func (s *store) request(requestID, id string) (any, error) {
	v, err, _ := s.g.Do(requestID+":"+id, func() (any, error) { return s.db.Find(id) }) // want `the key holds the id of a request, requestID, which every call has its own of: nobody ever joins a load`
	return v, err
}

// So it is when it comes with a header,
func (s *store) header(c *gin.Context) {
	id := c.Param("id")
	v, err, _ := s.g.Do(id+c.GetHeader("X-Request-ID"), func() (any, error) { return s.db.Find(id) }) // want `the id of a request, X-Request-ID`
	c.JSON(200, []any{v, err})
}

// with the context,
func (s *store) value(ctx context.Context, id string) (any, error) {
	trace, _ := ctx.Value("trace_id").(string)
	key := fmt.Sprintf("%s/%s", id, trace)
	v, err, _ := s.g.Do(key, func() (any, error) { return s.db.Find(id) }) // want `the id of a request, trace_id`
	return v, err
}

// or out of a field.
type call struct{ RequestID, ID string }

func (s *store) field(c *call) (any, error) {
	v, err, _ := s.g.Do(c.ID+c.RequestID, func() (any, error) { return s.db.Find(c.ID) }) // want `the id of a request, RequestID`
	return v, err
}

// No two callers come in the same nanosecond.
func (s *store) nano(id string) (any, error) {
	v, err, _ := s.g.Do(id+":"+strconv.FormatInt(time.Now().UnixNano(), 10), func() (any, error) { return s.db.Find(id) }) // want `the time of the call`
	return v, err
}

func (s *store) printed(id string) (any, error) {
	now := time.Now()
	v, err, _ := s.g.Do(fmt.Sprint(id, now), func() (any, error) { return s.db.Find(id) }) // want `the time of the call`
	return v, err
}

// A new id each time.
func (s *store) fresh(id string) (any, error) {
	key := id + uuid.NewString()
	v, err, _ := s.g.Do(key, func() (any, error) { // want `a new id, uuid.NewString`
		return s.db.Find(id)
	})
	return v, err
}

func (s *store) random(id string) (any, error) {
	v, err, _ := s.g.Do(strconv.Itoa(rand.IntN(1000))+id, func() (any, error) { return s.db.Find(id) }) // want `a random number`
	return v, err
}

// Each request is at an address of its own.
func (s *store) address(c *gin.Context) {
	id := c.Param("id")
	v, err, _ := s.g.Do(fmt.Sprintf("%s-%p", id, c), func() (any, error) { return s.db.Find(id) }) // want `the address of c`
	c.JSON(200, []any{v, err})
}

// These are named elsewhere, so that taking them out of a key leaves the imports
// in use.
var (
	started = time.Now()
	seed    = strconv.Itoa(rand.Int())
	self    = uuid.New()
)
