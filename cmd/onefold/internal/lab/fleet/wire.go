package fleet

import (
	"bufio"
	"encoding/gob"
	"io"
	"sync"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/source"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/strategy"
)

// An op says what a frame is.
type op uint8

const (
	// To the process. Each has an answer but opLeave and what is one.
	opOpen op = iota
	opGet
	opPut
	opInvalidate
	opHits
	opClose
	opLoaded  // what came of opLoad
	opFarDone // what came of opFar
	opWake    // somebody changed what opFar with this ID found held
	opChange  // somebody else changed something

	// From the process.
	opAnswer // to what was asked with ID
	opLoad   // answered by opLoaded
	opFar    // a call of the embedded far tier, answered by opFarDone

	// Either way: the context of the call, or of the load, has ended.
	opLeave
)

// A frame is one thing that two processes tell each other. IDs of calls and of
// loads are apart.
type frame struct {
	Op       op
	ID       uint64
	Key      string // or the kind, with opOpen
	Record   source.Record
	Fault    *fault
	Deadline int64           // wall clock, since all are on one machine; 0: none
	Late     bool            // with opLeave: it was a deadline, which the other side has as well
	Config   strategy.Config // with opOpen
	Far      *farCall
}

// A wire carries frames both ways. Many may send at the same time; one receives.
type wire struct {
	in *gob.Decoder

	mu  sync.Mutex
	out *gob.Encoder  // guarded by mu
	buf *bufio.Writer // guarded by mu
	end io.Closer
}

func newWire(in io.Reader, out io.WriteCloser) *wire {
	buf := bufio.NewWriter(out)
	return &wire{in: gob.NewDecoder(bufio.NewReader(in)), out: gob.NewEncoder(buf), buf: buf, end: out}
}

func (w *wire) send(f frame) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.out.Encode(f); err != nil {
		return err
	}
	return w.buf.Flush()
}

func (w *wire) receive() (f frame, err error) {
	err = w.in.Decode(&f)
	return f, err
}

func (w *wire) close() error { return w.end.Close() }
