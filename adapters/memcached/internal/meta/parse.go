package meta

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// readLine reads a line and gives it without its end. It is valid until the
// next read.
func readLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n') // the reader's buffer is the limit
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, errProtocol
	case err != nil:
		return nil, err
	}
	line, ok := bytes.CutSuffix(line, []byte("\r\n"))
	if !ok {
		return nil, errProtocol
	}
	return line, nil
}

// A ServerError is a command that the server could not do, for want of memory
// say.
type ServerError struct {
	Text string // the server's words
}

func (e *ServerError) Error() string { return "memcached: the server says: " + e.Text }

// parse reads the line of an answer. errProtocol is an answer that leaves
// nothing sure; any other error is that of the one command.
func parse(line []byte) (r Reply, opaque uint32, err error) {
	status, flags, _ := strings.Cut(string(line), " ")
	switch status {
	case "HD":
	case "VA":
		size, rest, _ := strings.Cut(flags, " ")
		n, err := strconv.ParseUint(size, 10, 31)
		if err != nil {
			return Reply{}, 0, errProtocol
		}
		r.Size, flags = int(n), rest
	case "EN", "NF":
		r.Status = Missing
	case "EX", "NS":
		r.Status = Conflict
	case "SERVER_ERROR":
		if strings.Contains(flags, "too large") {
			return Reply{}, 0, fmt.Errorf("%w: the server says: %s", ErrTooLarge, printable(flags))
		}
		return Reply{}, 0, &ServerError{Text: printable(flags)}
	default:
		if status == "CLIENT_ERROR" || status == "ERROR" {
			return Reply{}, 0, fmt.Errorf("%w: it says: %s", errProtocol, printable(string(line)))
		}
		return Reply{}, 0, errProtocol
	}
	for flag := range strings.FieldsSeq(flags) {
		var err error
		switch token := flag[1:]; flag[0] {
		case 'c':
			r.CAS, err = strconv.ParseUint(token, 10, 64)
		case 't':
			r.TTL, err = strconv.ParseInt(token, 10, 64)
		case 's':
			var n uint64
			n, err = strconv.ParseUint(token, 10, 31)
			r.Size = int(n) //nolint:gosec // 31 bits
		case 'f':
			var n uint64
			n, err = strconv.ParseUint(token, 10, 32)
			r.Flags = uint32(n) //nolint:gosec // 32 bits
		case 'O':
			var n uint64
			n, err = strconv.ParseUint(token, 10, 32)
			opaque = uint32(n) //nolint:gosec // 32 bits
		case 'W':
			r.Won = true
		}
		if err != nil {
			return Reply{}, 0, errProtocol
		}
	}
	return r, opaque, nil
}

// printable gives the beginning of s, fit for an error.
func printable(s string) string {
	s = s[:min(len(s), 100)]
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}
