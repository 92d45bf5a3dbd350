package trace

import (
	"cmp"
	"slices"
)

// An order puts records into the order of their times as far as holding back a
// fixed count of them can. One that comes later still gets the time of the one
// before it.
//
// Records in order, which most files have, cost a comparison each. Sorting
// moves pairs of time and place, for a record is large.
type order struct {
	more func([]Record) (int, error) // more records, in any order
	back int                         // how many are held back

	buf   []Record
	next  int // buf[next:ready] are to be handed out
	ready int
	held  int // buf[ready:held] are in order, and held back
	err   error

	places []place
	spare  []Record

	begun bool
	last  int64 // time of the last that was handed out
	late  uint64
	moved uint64
}

type place struct {
	time int64
	at   int32
}

func newOrder(back int, more func([]Record) (int, error)) *order {
	return &order{more: more, back: back, buf: make([]Record, min(2*back, 4096))}
}

// read gives some records that come next, at most as many as batch holds.
func (o *order) read(batch []Record) (int, error) {
	for o.next == o.ready {
		if o.err != nil && o.ready == o.held {
			return 0, o.err
		}
		o.refill()
	}
	n := copy(batch, o.buf[o.next:o.ready])
	o.next += n
	return n, nil
}

func (o *order) refill() {
	o.held = copy(o.buf, o.buf[o.ready:o.held])
	o.next, o.ready = 0, 0
	was := o.held
	if was == len(o.buf) { // it begins small: most tests and many files are
		o.buf = append(o.buf, make([]Record, min(len(o.buf), 2*o.back-len(o.buf)))...)
	}
	for o.err == nil && o.held < len(o.buf) {
		var n int
		n, o.err = o.more(o.buf[o.held:])
		o.held += n
	}
	o.sort(was)
	if o.ready = o.held - o.back; o.err != nil {
		o.ready = o.held
	}
	o.ready = max(o.ready, 0)
	if o.ready > 0 {
		if !o.begun {
			o.begun, o.last = true, o.buf[0].Time
		}
		for i := 0; i < o.ready && o.buf[i].Time < o.last; i++ {
			o.buf[i].Time = o.last
			o.late++
		}
		o.last = o.buf[o.ready-1].Time
	}
}

// sort puts buf[:held] in order, of which buf[:was] are already.
func (o *order) sort(was int) {
	from := max(was, 1)
	for from < o.held && o.buf[from].Time >= o.buf[from-1].Time {
		from++
	}
	if from >= o.held {
		return
	}
	// What is in order already, with the run that goes on from it, is merged
	// with the sorted rest.
	o.places = o.places[:0]
	for i := from; i < o.held; i++ {
		o.places = append(o.places, place{o.buf[i].Time, int32(i)})
	}
	slices.SortFunc(o.places, func(a, b place) int {
		if a.time != b.time {
			return cmp.Compare(a.time, b.time)
		}
		return cmp.Compare(a.at, b.at)
	})
	first := o.places[0].time
	stay, _ := slices.BinarySearchFunc(o.buf[:from], first, func(r Record, t int64) int {
		if r.Time <= t {
			return -1
		}
		return 1
	})
	o.spare = append(o.spare[:0], o.buf[stay:o.held]...)
	i, out := 0, stay
	front := from - stay
	for _, p := range o.places {
		for i < front && o.spare[i].Time <= p.time {
			o.buf[out] = o.spare[i]
			i++
			out++
		}
		o.buf[out] = o.spare[int(p.at)-stay]
		out++
	}
	copy(o.buf[out:], o.spare[i:front])
}
