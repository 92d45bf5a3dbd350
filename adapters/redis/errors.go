package redis

import "errors"

// ErrClosed is that of a [Store] after Close.
var ErrClosed = errors.New("redis: the store is closed")

// ErrUnavailable is that of a call that is not made because the server has not
// answered for a while; see [Options].BreakAfter.
var ErrUnavailable = errors.New("redis: the server does not answer; it is asked again from time to time")

// ErrStream ends a Notify whose stream of changes broke: changes may have been
// missed. It comes wrapped, with the reason.
var ErrStream = errors.New("redis: the stream of changes broke")

var errAnswer = errors.New("redis: an answer that no script gives: does something else write below this prefix?")
