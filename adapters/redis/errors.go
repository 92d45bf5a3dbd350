package redis

import "errors"

// ErrClosed is that of a [Store] after Close.
var ErrClosed = errors.New("redis: the store is closed")

// ErrStream ends a Notify whose stream of changes broke: changes may have been
// missed. It comes wrapped, with the reason.
var ErrStream = errors.New("redis: the stream of changes broke")

var errAnswer = errors.New("redis: an answer that no script gives: does something else write below this prefix?")
