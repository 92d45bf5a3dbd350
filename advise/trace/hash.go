package trace

import (
	"crypto/rand"
	"encoding/binary"
	"math/bits"
)

// A hasher turns keys into numbers that nobody can turn back without its
// secret. It is of the wyhash family: two multiplications for a key of up to 16
// bytes. The standard library's maphash is as fast, but its seed cannot be
// chosen, and a test wants the same numbers twice.
type hasher struct{ s0, s1, s2 uint64 }

// newHasher makes one from seed, or from the system's randomness when it is 0.
func newHasher(seed uint64) hasher {
	var raw [24]byte
	if seed == 0 {
		rand.Read(raw[:]) // never fails: it ends the process instead
	} else {
		for i := range 3 {
			seed += 0x9e3779b97f4a7c15
			z := seed
			z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
			z = (z ^ z>>27) * 0x94d049bb133111eb
			binary.LittleEndian.PutUint64(raw[8*i:], z^z>>31)
		}
	}
	le := binary.LittleEndian
	// A factor that is even, or has few bits, would lose some of the input's.
	return hasher{le.Uint64(raw[:]) | 1, le.Uint64(raw[8:]) | 1, le.Uint64(raw[16:]) | 1}
}

func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

func (h *hasher) bytes(b []byte) uint64 {
	var a, c uint64
	seed := h.s0
	le := binary.LittleEndian
	n := len(b)
	switch {
	case n > 16:
		for len(b) > 16 {
			seed = mix(le.Uint64(b)^h.s1, le.Uint64(b[8:])^seed)
			b = b[16:]
		}
		if len(b) >= 8 {
			a, c = le.Uint64(b), le.Uint64(b[len(b)-8:])
			break
		}
		a, c = small(b)
	case n >= 8:
		a, c = le.Uint64(b), le.Uint64(b[n-8:])
	default:
		a, c = small(b)
	}
	return h.close(a, c, seed, uint64(n))
}

// small gives up to seven bytes as two numbers.
func small(b []byte) (a, c uint64) {
	le := binary.LittleEndian
	switch n := len(b); {
	case n >= 4:
		return uint64(le.Uint32(b)), uint64(le.Uint32(b[n-4:]))
	case n > 0:
		return uint64(b[0])<<16 | uint64(b[n/2])<<8 | uint64(b[n-1]), 0
	default:
		return 0, 0
	}
}

// number hashes one that a file gives as such.
func (h *hasher) number(n uint64) uint64 { return h.close(n, n, h.s0, 8) }

// pair hashes two numbers, mostly hashes.
func (h *hasher) pair(a, b uint64) uint64 { return h.close(a, b, h.s2, 16) }

func (h *hasher) close(a, c, seed, n uint64) uint64 {
	hi, lo := bits.Mul64(a^h.s1, c^seed)
	sum := mix(hi^h.s2^n, lo^h.s1)
	if sum == 0 {
		return 1 // 0 says that there was nothing to hash
	}
	return sum
}
