// Package envelope is what a cache stores in a far tier around an encoded
// value: what the value is of, since when and until when it holds, and a
// checksum. A value that is damaged, of another key or from another version of
// the format never comes out of it.
//
// The checksum finds accidents. It is no protection from somebody who can write
// to the store.
package envelope

import (
	"fmt"
	"math"
	"time"
)

// An Envelope is a value with what a cache knows of it. It is plain data.
type Envelope struct {
	Key   string // of the store; one over MaxKey bytes is carried as its SHA-256
	Kind  Kind
	Born  time.Time     // wall clock: when the load began; years 1678 to 2261
	Fresh time.Duration // from Born, how long it may be served; Forever: no end
	Keep  time.Duration // from Born, at least Fresh: how long it may be served stale; Forever: no end
	Took  time.Duration // how long the load took

	Epoch, Seq uint64   // of the tag table from before the load; zero: none
	Tags       []string // by which it can be invalidated

	Validator string // of the value, as its source names it: an ETag
	Version   uint64 // of the value, as its source counts
	Data      []byte // the codec's
}

// A Kind says what an envelope holds. A kind that this version does not know
// opens as an [Error] of reason Version.
type Kind uint8

// The kinds.
const (
	Value    Kind = iota // Data is an encoded value
	NotFound             // the source holds nothing for the key
)

// Forever is a time without end.
const Forever time.Duration = math.MaxInt64

// MaxKey is the length in bytes of the longest key that is carried as it is.
const MaxKey = 250

// Limits bound what is sealed and opened. The zero Limits is ready to use. They
// are a value and may be copied.
type Limits struct {
	Size      int // bytes of the whole envelope; zero means 64 MiB
	Tags      int // how many there may be; zero means 1,000
	Tag       int // bytes of one tag; zero means 1 KiB
	Validator int // bytes; zero means 8 KiB
}

// Validate reports the first fault of l, with the value that was given.
func (l Limits) Validate() error {
	for _, field := range []struct {
		name  string
		value int
	}{{"Size", l.Size}, {"Tags", l.Tags}, {"Tag", l.Tag}, {"Validator", l.Validator}} {
		if field.value < 0 {
			return fmt.Errorf("envelope: Limits.%s is %d, want 0 (the default) or more", field.name, field.value)
		}
	}
	return nil
}

// withDefaults puts the defaults in the place of zeros.
func (l Limits) withDefaults() Limits {
	fill := func(field *int, value int) {
		if *field <= 0 {
			*field = value
		}
	}
	fill(&l.Size, 64<<20)
	fill(&l.Tags, 1000)
	fill(&l.Tag, 1<<10)
	fill(&l.Validator, 8<<10)
	return l
}

// The reasons of an [Error].
const (
	Decode      = "decode"       // it is no envelope, or one that nobody seals
	Checksum    = "checksum"     // it was damaged
	KeyMismatch = "key_mismatch" // it is another key's
	TooLarge    = "too_large"    // it is over a limit
	Version     = "version"      // it is from a version that this one does not know
)

// An Error says why bytes are not an envelope of the key. It does not quote
// them.
type Error struct {
	Reason string // one of the constants, fit for a metric's label
}

// Error gives the reason in words.
func (e *Error) Error() string {
	text := map[string]string{
		Decode:      "not an envelope",
		Checksum:    "damaged",
		KeyMismatch: "of another key",
		TooLarge:    "over a limit of size",
		Version:     "of an unknown version",
	}[e.Reason]
	return "envelope: " + text
}
