package advise_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/advise"
	"github.com/onefold-go/onefold/advise/sim"
	"github.com/onefold-go/onefold/advise/trace"
)

// A tap gives one record for each Read, and after the last of them an error.
type tap struct {
	last  int
	err   error
	given int
	on    func(given int)
}

func (r *tap) Read(records []trace.Record) (int, error) {
	if r.on != nil {
		r.on(r.given)
	}
	if r.given == r.last {
		return 0, r.err
	}
	records[0] = trace.Record{Time: int64(r.given), Key: 1, Duration: trace.Unknown}
	r.given++
	return 1, nil
}

func begun(t *testing.T) *advise.Study {
	t.Helper()
	l := sim.Constant(time.Millisecond)
	s, err := advise.New(advise.Config{TTL: time.Second, Loader: &l})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAddFromAddsWhatCameBeforeAnError(t *testing.T) {
	failed := errors.New("the disk is gone")
	for _, c := range []struct{ gives, want error }{{io.EOF, nil}, {failed, failed}} {
		synctest.Test(t, func(t *testing.T) {
			s, told := begun(t), 0
			err := s.AddFrom(t.Context(), &tap{last: 20, err: c.gives}, func() { told++ })
			if err != c.want { //nolint:errorlint // as it is
				t.Errorf("after %v: %v, want %v", c.gives, err, c.want)
			}
			if s.Requests() != 20 || told != 21 {
				t.Errorf("%d records were added and %d batches told of, want 20 and 21", s.Requests(), told)
			}
		})
	}
}

// A bubble does not end before its goroutines have.
func TestAddFromEndsWithItsContext(t *testing.T) {
	for at := range 8 {
		for _, behind := range []bool{false, true} { // in Read, or when its batch was added
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				s, told := begun(t), 0
				r := &tap{last: 1 << 20, err: io.EOF}
				if !behind {
					r.on = func(given int) {
						if given == at {
							cancel()
						}
					}
				}
				err := s.AddFrom(ctx, r, func() {
					if told == at && behind {
						cancel()
					}
					told++
				})
				if !errors.Is(err, context.Canceled) {
					t.Errorf("canceled at %d: %v", at, err)
				}
				if int64(r.given) != s.Requests() || r.given > at+4 {
					t.Errorf("canceled at %d: %d were read, and %d added", at, r.given, s.Requests())
				}
			})
		}
	}
}
