// Package protobuf is the codec of protocol buffer messages.
package protobuf

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/onefold-go/onefold/codec"
)

// MaxSize is the greatest length in bytes of an encoded message.
const MaxSize = 64 << 20

// maxDepth is how deep messages may be nested in each other.
const maxDepth = 1000

// Codec encodes messages of the pointer type M, as in Codec[*userpb.User].
//
// Equal messages may have different encodings: maps have no order, and versions
// of the protobuf module differ. Do not compare what is stored. Fields that the
// type does not know are kept. An encoding over MaxSize, or one with messages
// nested over 1,000 deep, is refused, and so is a message that lacks a required
// field. A nil message comes back as an empty one.
//
// It panics when M is an interface: the bytes do not say what type they are of.
// Callers of a cache share the message they get and must not change it.
func Codec[M proto.Message]() codec.Codec[M] {
	var zero M
	if any(zero) == nil {
		panic("protobuf: Codec of an interface, want the pointer type of a message")
	}
	return messages[M]{decode: proto.UnmarshalOptions{RecursionLimit: maxDepth}}
}

type messages[M proto.Message] struct{ decode proto.UnmarshalOptions }

var errSize = errors.New("message too large")

func (messages[M]) Append(dst []byte, m M) ([]byte, error) {
	o := proto.MarshalOptions{}
	if size := o.Size(m); size > MaxSize {
		return dst, fmt.Errorf("protobuf: encode: %w: %d bytes, want at most %d", errSize, size, MaxSize)
	}
	data, err := o.MarshalAppend(dst, m)
	if err != nil {
		return dst, fmt.Errorf("protobuf: encode: %w", err)
	}
	return data, nil
}

func (c messages[M]) Decode(data []byte) (M, error) {
	var zero M
	if len(data) > MaxSize {
		return zero, fmt.Errorf("protobuf: decode: %w: %d bytes, want at most %d", errSize, len(data), MaxSize)
	}
	m, ok := zero.ProtoReflect().Type().New().Interface().(M)
	if !ok { // a type of the user's that embeds a message, whose methods make the inner one
		return zero, fmt.Errorf("protobuf: decode: %T is not the type of its own messages", zero)
	}
	if err := c.decode.Unmarshal(data, m); err != nil {
		return zero, fmt.Errorf("protobuf: decode: %w", err)
	}
	return m, nil
}
