package trace

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// An input is one file, decompressed. What reads it sees io.EOF where the
// compressed data breaks off, and truncated says so.
type input struct {
	name      string
	size      int64 // of the file; 0 when it is not known
	packed    string
	raw       *meter
	r         io.Reader
	close     []func()
	truncated atomic.Bool
}

// A meter counts and digests the bytes of the file itself.
type meter struct {
	r   io.Reader
	n   atomic.Int64
	sum hash.Hash // nil unless asked for
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.n.Add(int64(n))
	if m.sum != nil {
		m.sum.Write(p[:n])
	}
	return n, err
}

// openInput opens a file, or standard input for "-".
func openInput(path string, stdin io.Reader, digest bool) (*input, error) {
	if path == "-" {
		return newInput("standard input", stdin, 0, nil, digest)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("trace: %w", err)
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("trace: %s is a directory: name the files in it", path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return newInput(path, f, info.Size(), f.Close, digest)
}

// newInput finds out how r is compressed, by how it begins.
func newInput(name string, r io.Reader, size int64, closer func() error, digest bool) (*input, error) {
	in := &input{name: name, size: size, raw: &meter{r: r}}
	if digest {
		in.raw.sum = sha256.New()
	}
	if closer != nil {
		in.close = append(in.close, func() { closer() })
	}
	var magic [6]byte
	n, err := io.ReadFull(in.raw, magic[:])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		in.Close()
		return nil, fmt.Errorf("trace: %s: %w", name, err)
	}
	start := magic[:n]
	whole := &prefixed{start: start, r: in.raw}
	switch {
	case bytes.HasPrefix(start, []byte{0x1f, 0x8b}):
		in.packed = "gzip"
		z, err := gzip.NewReader(whole)
		if err != nil {
			in.Close()
			return nil, fmt.Errorf("trace: %s begins like gzip and is not: %w", name, err)
		}
		in.r = z
	case bytes.HasPrefix(start, []byte{0x28, 0xb5, 0x2f, 0xfd}), n >= 4 && start[0]&0xf0 == 0x50 && bytes.Equal(start[1:4], []byte{0x2a, 0x4d, 0x18}):
		in.packed = "zstd"
		z, err := zstd.NewReader(whole, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			in.Close()
			return nil, fmt.Errorf("trace: %s: %w", name, err)
		}
		in.close = append(in.close, z.Close)
		in.r = z
	case bytes.HasPrefix(start, []byte("BZh")), bytes.HasPrefix(start, []byte{0xfd, '7', 'z', 'X', 'Z'}), bytes.HasPrefix(start, []byte("PK\x03\x04")):
		in.Close()
		return nil, fmt.Errorf("trace: %s is packed by bzip2, xz or zip: unpack it, or pipe it in and name - (gzip and zstd are read as they are)", name)
	default:
		in.r = whole
		return in, nil
	}
	p := newPump(in.r)
	in.close = append(in.close, p.Close)
	in.r = &ended{r: p, in: in}
	return in, nil
}

// prefixed gives back what was read to look at it.
type prefixed struct {
	start []byte
	r     io.Reader
}

func (p *prefixed) Read(b []byte) (int, error) {
	if len(p.start) > 0 {
		n := copy(b, p.start)
		p.start = p.start[n:]
		return n, nil
	}
	return p.r.Read(b)
}

// ended makes the end of data that breaks off an end like any other. What was
// read until there is good.
type ended struct {
	r  io.Reader
	in *input
}

func (e *ended) Read(b []byte) (int, error) {
	n, err := e.r.Read(b)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		e.in.truncated.Store(true)
		err = io.EOF
	}
	return n, err
}

func (in *input) Close() {
	for i := len(in.close) - 1; i >= 0; i-- {
		in.close[i]()
	}
	in.close = nil
}

// digest gives the SHA-256 of the whole file, once it is read to its end.
func (in *input) digest() string {
	if in.raw.sum == nil {
		return ""
	}
	return hex.EncodeToString(in.raw.sum.Sum(nil))
}

// A pump reads ahead on a goroutine of its own, so that unpacking and parsing
// each have a processor. The goroutine ends with the data, or with Close.
type pump struct {
	full  chan chunk
	empty chan []byte
	done  chan struct{}
	gone  chan struct{}
	now   chunk
	at    int
}

type chunk struct {
	b   []byte
	err error
}

func newPump(r io.Reader) *pump {
	const chunks = 4
	p := &pump{
		full:  make(chan chunk, chunks),
		empty: make(chan []byte, chunks),
		done:  make(chan struct{}),
		gone:  make(chan struct{}),
	}
	for range chunks {
		p.empty <- make([]byte, block)
	}
	go p.run(r)
	return p
}

func (p *pump) run(r io.Reader) {
	defer close(p.gone)
	for {
		var b []byte
		select {
		case b = <-p.empty:
		case <-p.done:
			return
		}
		n, err := fillChunk(r, b)
		select {
		case p.full <- chunk{b[:n], err}:
		case <-p.done:
			return
		}
		if err != nil {
			return
		}
	}
}

// fillChunk reads until b is full or there is an error; io.ErrUnexpectedEOF is
// the reader's own.
func fillChunk(r io.Reader, b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var m int
		m, err = r.Read(b[n:])
		n += m
	}
	return n, err
}

func (p *pump) Read(b []byte) (int, error) {
	for p.at == len(p.now.b) {
		if p.now.err != nil {
			return 0, p.now.err
		}
		if p.now.b != nil {
			p.empty <- p.now.b[:cap(p.now.b)]
		}
		p.now, p.at = <-p.full, 0
	}
	n := copy(b, p.now.b[p.at:])
	p.at += n
	return n, nil
}

// Close ends the goroutine. A read that it is in has to return first.
func (p *pump) Close() {
	select {
	case <-p.done:
	default:
		close(p.done)
	}
	<-p.gone
}
