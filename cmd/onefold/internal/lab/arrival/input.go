package arrival

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

var (
	gzipMagic = []byte{0x1f, 0x8b}
	zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}
)

// decompress returns the plain data behind r.
func decompress(r *bufio.Reader) (io.ReadCloser, error) {
	magic, err := r.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(magic, gzipMagic):
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("looks like gzip: %w", err)
		}
		return z, nil
	case bytes.HasPrefix(magic, zstdMagic):
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return nil, fmt.Errorf("looks like zstd: %w", err)
		}
		return z.IOReadCloser(), nil
	}
	return io.NopCloser(r), nil
}

// readUntilDone reads from r and stops with ctx, also while r blocks, as a
// terminal or an idle pipe does. Its goroutine ends with r, or with the first
// read of r that returns after ctx is done or Close was called.
func readUntilDone(ctx context.Context, r io.Reader) io.ReadCloser {
	out, in := io.Pipe()
	stop := context.AfterFunc(ctx, func() { in.CloseWithError(context.Cause(ctx)) })
	go func() {
		defer stop()
		_, err := io.Copy(in, struct{ io.Reader }{r})
		in.CloseWithError(err)
	}()
	return out
}

// errLongLine reports a line that was passed over.
var errLongLine = fmt.Errorf("the line is longer than %d bytes", maxLine)

// nextLine returns the next line without its end. The bytes hold until the
// next read. Of a line that is too long it returns the beginning.
func nextLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		start := bytes.Clone(line[:shownText])
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = r.ReadSlice('\n')
		}
		if err == nil || errors.Is(err, io.EOF) {
			err = errLongLine
		}
		return start, err
	}
	if errors.Is(err, io.EOF) && len(line) > 0 {
		err = nil
	}
	return trimEnd(line), err
}

func trimEnd(line []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte{'\n'}), []byte{'\r'})
}

// A sampleLine is one of the first lines, with its number from 1.
type sampleLine struct {
	number int
	text   []byte
}

// firstLines returns the first lines of a sample that are not blank, enough of
// them to recognise a format by.
func firstLines(sample []byte) []sampleLine {
	var lines []sampleLine
	rest := bytes.TrimPrefix(sample, byteOrderMark)
	for number := 1; len(rest) > 0 && len(lines) < 50; number++ {
		text, after, whole := bytes.Cut(rest, []byte{'\n'})
		if !whole && len(lines) > 0 && len(sample) == maxLine {
			break // the sample ends within this line
		}
		if len(bytes.TrimSpace(text)) > 0 {
			lines = append(lines, sampleLine{number, trimEnd(text)})
		}
		rest = after
	}
	return lines
}

var byteOrderMark = []byte("\xef\xbb\xbf")
