package main

import (
	"math"
	"math/bits"
	"time"
)

// A histogram counts durations to within 3 %.
type histogram struct {
	counts [60 * fine]int64
	n      int64
	max    time.Duration
}

const fine = 32 // buckets for each power of two

func (h *histogram) add(d time.Duration) {
	h.counts[bucket(d)]++
	h.n++
	h.max = max(h.max, d)
}

func bucket(d time.Duration) int {
	u := uint64(max(0, d))
	if u < fine {
		return int(u)
	}
	shift := bits.Len64(u) - 6
	return shift*fine + int(u>>shift)
}

// least gives the least duration that falls into a bucket.
func least(bucket int) time.Duration {
	if bucket < fine {
		return time.Duration(bucket)
	}
	shift := bucket/fine - 1
	return time.Duration(bucket-shift*fine) << shift
}

func (h *histogram) merge(other *histogram) {
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.n += other.n
	h.max = max(h.max, other.max)
}

// quantile gives the q-th part of what was counted.
func (h *histogram) quantile(q float64) time.Duration {
	left := int64(math.Ceil(q * float64(h.n)))
	for i, n := range h.counts {
		if left -= n; left <= 0 && n > 0 {
			return min(h.max, (least(i)+least(i+1))/2)
		}
	}
	return h.max
}

// sparse is a histogram as JSON: bucket and count, and the longest.
type sparse struct {
	Counts [][2]int64    `json:"counts"`
	Max    time.Duration `json:"max"`
}

func (h *histogram) sparse() (s sparse) {
	s.Max = h.max
	for i, n := range h.counts {
		if n > 0 {
			s.Counts = append(s.Counts, [2]int64{int64(i), n})
		}
	}
	return s
}

func (s sparse) addTo(h *histogram) {
	for _, c := range s.Counts {
		h.counts[c[0]] += c[1]
		h.n += c[1]
	}
	h.max = max(h.max, s.Max)
}
