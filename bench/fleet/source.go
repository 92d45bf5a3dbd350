package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// size is how long a value is.
const size = 100

// A source is what a process loads from. A value says when its load returned.
type source struct {
	takes time.Duration
	begun func(key string) // nil: nobody wants to know

	mu    sync.Mutex
	loads []load // guarded by mu
}

// A load is one call of the source. Times are the wall clock's, in
// nanoseconds: all processes run on one machine.
type load struct {
	Key   string `json:"k"`
	Began int64  `json:"b"`
	Ended int64  `json:"e"` // 0: it did not return yet
}

func (s *source) load(ctx context.Context, key string) (string, error) {
	s.mu.Lock()
	i := len(s.loads)
	s.loads = append(s.loads, load{Key: key, Began: time.Now().UnixNano()})
	s.mu.Unlock()
	if s.begun != nil {
		s.begun(key)
	}
	select {
	case <-time.After(s.takes):
	case <-ctx.Done():
		return "", ctx.Err()
	}
	now := time.Now().UnixNano()
	s.mu.Lock()
	s.loads[i].Ended = now
	s.mu.Unlock()
	return value(now), nil
}

func (s *source) all() []load {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]load(nil), s.loads...)
}

var padding = strings.Repeat("v", size-16)

func value(made int64) string { return fmt.Sprintf("%016x%s", made, padding) }

var errValue = errors.New("an answer that the source did not give")

// made reads when a value was made.
func made[S ~string | ~[]byte](v S) (int64, error) {
	if len(v) != size {
		return 0, errValue
	}
	var n int64
	for i := range 16 {
		c := v[i]
		switch {
		case '0' <= c && c <= '9':
			n = n<<4 | int64(c-'0')
		case 'a' <= c && c <= 'f':
			n = n<<4 | int64(c-'a'+10)
		default:
			return 0, errValue
		}
	}
	return n, nil
}
