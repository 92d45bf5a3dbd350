package advise

import (
	"context"
	"errors"
	"io"

	"github.com/onefold-go/onefold/advise/trace"
)

// A Reader gives records, as a source of package trace does: n of them, and io.EOF when
// there are no more. They come in the order of their times, or nearly so.
type Reader interface {
	Read(records []trace.Record) (n int, err error)
}

// Records are read so many at once, and so many batches ahead.
const (
	feedBatch = 8192
	feedAhead = 4
)

// AddFrom adds all records of r. It reads ahead on a goroutine of its own, which
// has ended when AddFrom returns. after, if it is not nil, is called after each
// batch that was added, by the goroutine that called AddFrom.
//
// It returns an error of r, other than io.EOF, as it is, and that of ctx when
// it is done, once a Read that is under way has ended. What was read before was
// added.
func (s *Study) AddFrom(ctx context.Context, r Reader, after func()) error {
	type batch struct {
		records []trace.Record
		err     error
	}
	full := make(chan batch, feedAhead)
	empty := make(chan []trace.Record, feedAhead)
	for range feedAhead {
		empty <- make([]trace.Record, feedBatch)
	}
	go func() {
		defer close(full)
		for records := range empty {
			if ctx.Err() != nil {
				return
			}
			n, err := r.Read(records)
			full <- batch{records[:n], err}
			if err != nil {
				return
			}
		}
	}()
	var err error
	ended := false
	for b := range full {
		s.Add(b.records)
		if after != nil {
			after()
		}
		err = b.err
		switch {
		case ended:
		case err != nil || ctx.Err() != nil:
			ended = true
			close(empty)
		default:
			empty <- b.records[:cap(b.records)]
		}
	}
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	default:
		return ctx.Err()
	}
}
