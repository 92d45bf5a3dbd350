package trace

import (
	"bytes"
	"slices"
)

// A Name is a key's text and about how often it was asked for.
type Name struct {
	Key   uint64 // as in Record
	Text  string
	Count uint64 // at most Error too high
	Error uint64
}

// heads keeps the names of the keys asked for most, by Space-Saving: a new key
// takes the place of the rarest and its count with it. It holds eight times as
// many as are wanted, so that the wanted ones are right.
type heads struct {
	want int
	at   map[uint64]int // place in heap
	heap []Name         // the rarest first
	text [][]byte       // of each in heap, reused
}

// maxName is how much of a name is kept.
const maxName = 512

func newHeads(want int) *heads {
	n := max(8*want, 1024)
	return &heads{want: want, at: make(map[uint64]int, n), heap: make([]Name, 0, n)}
}

func (s *heads) add(h uint64, key []byte) {
	if i, ok := s.at[h]; ok {
		s.heap[i].Count++
		s.down(i)
		return
	}
	if len(key) > maxName {
		key = key[:maxName]
	}
	if n := len(s.heap); n < cap(s.heap) {
		s.heap = append(s.heap, Name{Key: h, Count: 1})
		s.text = append(s.text, bytes.Clone(key))
		s.at[h] = n
		s.up(n)
		return
	}
	rarest := &s.heap[0]
	delete(s.at, rarest.Key)
	rarest.Key, rarest.Error = h, rarest.Count
	rarest.Count++
	s.text[0] = append(s.text[0][:0], key...)
	s.at[h] = 0
	s.down(0)
}

func (s *heads) up(i int) {
	for i > 0 && s.heap[i].Count < s.heap[(i-1)/2].Count {
		s.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
}

func (s *heads) down(i int) {
	for {
		c := 2*i + 1
		if c >= len(s.heap) {
			return
		}
		if c+1 < len(s.heap) && s.heap[c+1].Count < s.heap[c].Count {
			c++
		}
		if s.heap[i].Count <= s.heap[c].Count {
			return
		}
		s.swap(i, c)
		i = c
	}
}

func (s *heads) swap(i, j int) {
	s.heap[i], s.heap[j] = s.heap[j], s.heap[i]
	s.text[i], s.text[j] = s.text[j], s.text[i]
	s.at[s.heap[i].Key], s.at[s.heap[j].Key] = i, j
}

// top gives the wanted ones, the one asked for most first.
func (s *heads) top() []Name {
	names := slices.Clone(s.heap)
	for i := range names {
		names[i].Text = string(bytes.ReplaceAll(s.text[i], []byte{keySeparator}, []byte{' '}))
	}
	slices.SortFunc(names, func(a, b Name) int {
		switch {
		case a.Count != b.Count && a.Count > b.Count, a.Count == b.Count && a.Text < b.Text:
			return -1
		case a.Count == b.Count && a.Text == b.Text:
			return 0
		default:
			return 1
		}
	})
	return names[:min(s.want, len(names))]
}
