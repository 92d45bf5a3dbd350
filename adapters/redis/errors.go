package redis

import (
	"errors"
	"fmt"
)

// ErrClosed is that of a [Store] after Close.
var ErrClosed = errors.New("redis: the store is closed")

// ErrUnavailable is that of a call that is not made because the server has not
// answered for a while; see [Options].BreakAfter.
var ErrUnavailable = errors.New("redis: the server does not answer; it is asked again from time to time")

// ErrStream ends a Notify whose stream of changes broke: changes may have been
// missed. It comes wrapped, with the reason.
var ErrStream = errors.New("redis: the stream of changes broke")

var errAnswer = errors.New("redis: an answer that no script gives: does something else write below this prefix?")

// A SizeError is that of a value that is too large to be stored.
type SizeError struct {
	Size, Max int // in bytes; Max is [Options].MaxValueSize
}

// Error gives the size and the limit.
func (e *SizeError) Error() string {
	return fmt.Sprintf("redis: a value has %d bytes, want at most %d: make it smaller, or raise Options.MaxValueSize in all processes", e.Size, e.Max)
}

// A KeyError is that of a key that is too long to be sent.
type KeyError struct {
	Len int // in bytes
}

// Error gives the length and the limit.
func (e *KeyError) Error() string {
	return fmt.Sprintf("redis: a key has %d bytes, want at most %d: make a hash of what is long in it part of the key instead", e.Len, maxKey)
}
