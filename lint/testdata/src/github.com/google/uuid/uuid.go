// Package uuid has the signatures of the real one.
package uuid

type UUID [16]byte

func New() UUID                            { return UUID{} }
func NewString() string                    { return "" }
func NewSHA1(space UUID, data []byte) UUID { return space }
func Parse(s string) (UUID, error)         { return UUID{}, nil }
func (u UUID) String() string              { return "" }
