package advise

// frequent finds the keys that are asked for most, in one pass and little
// memory: Space-Saving (A. Metwally, D. Agrawal and A. El Abbadi, Efficient
// Computation of Frequent and Top-k Elements in Data Streams, 2005). It counts
// some keys; another one takes the place of that with the least count, and
// inherits it as its error. A key with more than n/len(heap) of n requests is
// always among them.
type frequent struct {
	at     map[uint64]int32 // of the key in counts
	counts []tally
	heap   []int32 // numbers in counts, the least count first
}

type tally struct {
	key   uint64
	count int64
	error int64 // of which it may have had none
	place int32 // in heap
}

func newFrequent(keys int) *frequent {
	return &frequent{at: make(map[uint64]int32, keys), counts: make([]tally, 0, keys), heap: make([]int32, 0, keys)}
}

// add counts a request of key and gives how many it has had for certain.
func (f *frequent) add(key uint64) (certain int64) {
	i, counted := f.at[key]
	switch {
	case counted:
	case len(f.counts) < cap(f.counts):
		i = int32(len(f.counts)) //nolint:gosec // as many as newFrequent was given
		f.counts = append(f.counts, tally{key: key, place: i})
		f.heap = append(f.heap, i)
		f.at[key] = i
		f.up(i)
	default:
		i = f.heap[0]
		least := &f.counts[i]
		delete(f.at, least.key)
		least.key, least.error = key, least.count
		f.at[key] = i
	}
	t := &f.counts[i]
	t.count++
	f.down(t.place)
	return t.count - t.error
}

func (f *frequent) less(a, b int32) bool {
	return f.counts[f.heap[a]].count < f.counts[f.heap[b]].count
}

func (f *frequent) up(i int32) {
	for i > 0 && f.less(i, (i-1)/2) {
		f.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
}

func (f *frequent) down(i int32) {
	for {
		child := 2*i + 1
		if int(child) >= len(f.heap) {
			return
		}
		if int(child+1) < len(f.heap) && f.less(child+1, child) {
			child++
		}
		if !f.less(child, i) {
			return
		}
		f.swap(i, child)
		i = child
	}
}

func (f *frequent) swap(i, j int32) {
	f.heap[i], f.heap[j] = f.heap[j], f.heap[i]
	f.counts[f.heap[i]].place, f.counts[f.heap[j]].place = i, j
}
