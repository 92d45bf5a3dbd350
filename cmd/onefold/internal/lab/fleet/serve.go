package fleet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/source"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/strategy"
)

// Serve makes this process one of a fleet, if it was started as one, and does
// not return then. Call it at the start of main, and of TestMain.
func Serve() {
	if os.Getenv(child) == "" {
		return
	}
	out := os.Stdout
	os.Stdout = os.Stderr // what else is printed must not come between the frames
	w := newWire(os.Stdin, out)
	s := server{wire: w, far: newRemote(w), calls: make(map[uint64]context.CancelCauseFunc), loads: make(map[uint64]chan frame)}
	if err := s.serve(); err != nil {
		fmt.Fprintln(os.Stderr, "onefold: a process of the lab:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// A server is one process of a fleet, seen from inside.
type server struct {
	wire     *wire
	far      *remote
	strategy strategy.Strategy

	mu    sync.Mutex
	calls map[uint64]context.CancelCauseFunc // guarded by mu
	last  uint64                             // guarded by mu; id of a load
	loads map[uint64]chan frame              // guarded by mu
}

// leftError is the end of the call with this id, as the cause of its context.
type leftError struct{ call uint64 }

func (e *leftError) Error() string { return fmt.Sprintf("call %d has left", e.call) }

// serve does what the frames ask for until there are no more.
func (s *server) serve() error {
	for {
		f, err := s.wire.receive()
		if errors.Is(err, io.EOF) { // the lab is over, or has gone
			return nil
		}
		if err != nil {
			return err
		}
		switch f.Op {
		case opOpen:
			s.reply(f, source.Record{}, s.open(f))
		case opGet, opInvalidate:
			ctx, cancel := f.context(context.Background())
			s.mu.Lock()
			s.calls[f.ID] = cancel
			s.mu.Unlock()
			go s.call(ctx, cancel, f)
		case opPut:
			s.strategy.Put(f.Key, f.Record)
			s.reply(f, source.Record{}, nil)
		case opHits:
			s.reply(f, source.Record{Size: s.hits()}, nil)
		case opClose:
			go s.close(f)
		case opLeave:
			s.leave(f)
		case opLoaded:
			s.mu.Lock()
			loaded := s.loads[f.ID]
			delete(s.loads, f.ID)
			s.mu.Unlock()
			if loaded != nil {
				loaded <- f
			}
		case opFarDone, opWake, opChange:
			s.far.receive(f)
		default:
			return fmt.Errorf("a frame of kind %d", f.Op)
		}
	}
}

func (s *server) reply(f frame, r source.Record, err error) {
	answer := frame{Op: opAnswer, ID: f.ID, Record: r}
	if err != nil {
		answer.Fault = faultOf(err)
	}
	_ = s.wire.send(answer) // serve finds out when there is nobody to tell
}

func (s *server) open(f frame) error {
	for _, kind := range strategy.All() {
		if kind.Name == f.Key {
			var err error
			if f.Config.Far == strategy.Embedded {
				f.Config.Store = s.far
			}
			s.strategy, err = kind.New(s.load, f.Config)
			return err
		}
	}
	return fmt.Errorf("there is no strategy %q", f.Key)
}

func (s *server) hits() int64 {
	if s.strategy == nil {
		return 0
	}
	return s.strategy.Hits()
}

func (s *server) close(f frame) {
	var err error
	if s.strategy != nil {
		err = s.strategy.Close()
	}
	s.reply(f, source.Record{}, err)
}

// context makes the context of what f asks for. Its deadline is its own, its
// other ends are told.
func (f frame) context(parent context.Context) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	if f.Deadline != 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithDeadlineCause(ctx, time.Unix(0, f.Deadline), &leftError{f.ID})
		context.AfterFunc(ctx, stop)
	}
	return ctx, cancel
}

func (s *server) call(ctx context.Context, cancel context.CancelCauseFunc, f frame) {
	var r source.Record
	var err error
	if f.Op == opGet {
		r, err = s.strategy.Get(ctx, f.Key)
	} else {
		err = s.strategy.Invalidate(ctx, f.Key)
	}
	s.mu.Lock()
	delete(s.calls, f.ID)
	s.mu.Unlock()
	s.reply(f, r, err)
	cancel(nil)
}

// leave ends the context of a call. Its deadline it finds by itself.
func (s *server) leave(f frame) {
	if f.Late {
		return
	}
	s.mu.Lock()
	cancel := s.calls[f.ID]
	s.mu.Unlock()
	if cancel != nil {
		cancel(&leftError{f.ID})
	}
}

// load is the source, to the strategy.
func (s *server) load(ctx context.Context, key string) (source.Record, error) {
	loaded := make(chan frame, 1)
	s.mu.Lock()
	s.last++
	id := s.last
	s.loads[id] = loaded
	s.mu.Unlock()
	ask := frame{Op: opLoad, ID: id, Key: key}
	if deadline, ok := ctx.Deadline(); ok {
		ask.Deadline = deadline.UnixNano()
	}
	if err := s.wire.send(ask); err != nil {
		return source.Record{}, err
	}
	stop := context.AfterFunc(ctx, func() {
		_ = s.wire.send(frame{Op: opLeave, ID: id, Late: errors.Is(ctx.Err(), context.DeadlineExceeded)})
	})
	defer stop()
	f := <-loaded
	if f.Fault == nil {
		return f.Record, nil
	}
	if deadline, ok := ctx.Deadline(); ok && f.Fault.Deadline && time.Until(deadline) < clocks {
		<-ctx.Done() // here the time may not be quite up
	}
	if left, ok := errors.AsType[*leftError](context.Cause(ctx)); ok {
		f.Fault.Caller = left.call
	}
	return f.Record, f.Fault.error()
}
