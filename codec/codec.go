// Package codec turns values and keys into bytes for shared tiers, and back.
package codec

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
)

// A Codec turns values of one type into bytes and back. Its methods may be
// called at the same time from many goroutines, and never while a lock is held.
type Codec[V any] interface {
	// Append appends the encoding of v to dst and returns the longer slice.
	// On an error dst's content beyond its old length means nothing.
	Append(dst []byte, v V) ([]byte, error)

	// Decode gives the value that data encodes. data is Decode's to keep:
	// nobody else writes to it.
	Decode(data []byte) (V, error)
}

// A Key appends the encoding of key to dst. It must be injective: different
// keys have different encodings.
type Key[K any] func(dst []byte, key K) []byte

// MaxJSON is the greatest length in bytes of a value's JSON.
const MaxJSON = 64 << 20

// JSON encodes with encoding/json. Numbers in interface values decode as
// json.Number, so that large ones keep their digits. JSON over MaxJSON is
// refused before it is looked at, and what is nested over 10,000 deep, a bound
// of encoding/json's own, while it is.
func JSON[V any]() Codec[V] { return jsonCodec[V]{max: MaxJSON} }

type jsonCodec[V any] struct{ max int }

func (c jsonCodec[V]) Append(dst []byte, v V) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return dst, fmt.Errorf("codec: encode JSON: %w", err)
	}
	if len(data) > c.max {
		return dst, fmt.Errorf("codec: encode JSON: %d bytes, want at most %d", len(data), c.max)
	}
	return append(dst, data...), nil
}

func (c jsonCodec[V]) Decode(data []byte) (V, error) {
	var v V
	if len(data) > c.max {
		return v, fmt.Errorf("codec: decode JSON: %d bytes, want at most %d", len(data), c.max)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		var zero V
		return zero, fmt.Errorf("codec: decode JSON: %w", err)
	}
	if end := d.InputOffset(); len(bytes.TrimSpace(data[end:])) > 0 {
		var zero V
		return zero, fmt.Errorf("codec: decode JSON: %d bytes after the value", int64(len(data))-end)
	}
	return v, nil
}

// Bytes stores byte slices as they are. A decoded slice is shared by all who
// get it and must not be changed.
func Bytes() Codec[[]byte] { return bytesCodec{} }

type bytesCodec struct{}

func (bytesCodec) Append(dst, v []byte) ([]byte, error) { return append(dst, v...), nil }

func (bytesCodec) Decode(data []byte) ([]byte, error) { return slices.Clip(data), nil }

// StringKey encodes a string key as its bytes.
func StringKey[K ~string](dst []byte, key K) []byte { return append(dst, key...) }

// Int64Key encodes an integer key as its decimal digits.
func Int64Key[K ~int64](dst []byte, key K) []byte { return fmt.Append(dst, int64(key)) }

// Parts encodes the parts of a composite key, each behind its length, so that
// ("a", "bc") and ("ab", "c") differ.
func Parts(dst []byte, parts ...string) []byte {
	for _, p := range parts {
		dst = binary.AppendUvarint(dst, uint64(len(p)))
		dst = append(dst, p...)
	}
	return dst
}
