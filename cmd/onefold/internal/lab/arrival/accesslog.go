package arrival

import (
	"bytes"
	"errors"
)

// accessLog reads the common and the combined log of Apache and nginx:
//
//	host ident user [17/May/2015:10:05:03 +0000] "GET /a?b=c HTTP/1.1" 200 512 ...
//
// The key is the request's target, with its query. What follows the status is
// not looked at, so a combined log may end with $request_time or anything
// else. Apache stamps a request when it came, nginx when it was answered.
type accessLog struct{}

func (accessLog) parse(line []byte) (record, error) {
	_, rest, ok := bytes.Cut(line, []byte{'['})
	date, rest, closed := bytes.Cut(rest, []byte{']'})
	if !ok || !closed {
		return record{}, errors.New("no [date]")
	}
	rest, ok = bytes.CutPrefix(rest, []byte(` "`))
	end := closingQuote(rest)
	if !ok || end < 0 {
		return record{}, errors.New(`no "request" after the date`)
	}
	request, rest := rest[:end], rest[end+1:]
	if !isStatus(rest) {
		return record{}, errors.New("no status after the request")
	}
	method, target, _ := bytes.Cut(request, []byte{' '})
	if i := bytes.LastIndex(target, []byte(" HTTP/")); i >= 0 {
		target = target[:i]
	}
	if target = bytes.TrimSpace(target); len(target) == 0 {
		return record{}, leftOutError("no method and target in the request")
	}
	return record{time: date, key: target, method: method}, nil
}

// closingQuote finds the first quote that no backslash stands before.
func closingQuote(text []byte) int {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

func isStatus(rest []byte) bool {
	return len(rest) >= 4 && rest[0] == ' ' && allDigits(rest[1:4]) && (len(rest) == 4 || rest[4] == ' ')
}

// looksAccessLog says whether a line is one of an access log.
func looksAccessLog(line []byte) bool {
	_, err := accessLog{}.parse(line)
	_, noRequest := errors.AsType[leftOutError](err)
	return err == nil || noRequest
}
