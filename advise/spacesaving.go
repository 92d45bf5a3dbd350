package advise

// frequent finds the keys that are asked for most, in one pass and little
// memory: Space-Saving (A. Metwally, D. Agrawal and A. El Abbadi, Efficient
// Computation of Frequent and Top-k Elements in Data Streams, 2005). It counts
// some keys; another one takes the place of that with the least count, and
// inherits it as its error. A key with more than n/len(heap) of n requests is
// always among them.
type frequent struct {
	at   map[uint64]int32 // of the key in heap
	heap []tally          // the least count first
}

type tally struct {
	key   uint64
	count int64
	error int64 // of which it may have had none
}

func newFrequent(keys int) *frequent {
	return &frequent{at: make(map[uint64]int32, keys), heap: make([]tally, 0, keys)}
}

// add counts n requests of key and gives how many it has had for certain.
func (f *frequent) add(key uint64, n int64) (certain int64) {
	i, counted := f.at[key]
	switch {
	case counted:
	case len(f.heap) < cap(f.heap):
		i = int32(len(f.heap)) //nolint:gosec // as many as newFrequent was given
		f.heap = append(f.heap, tally{key: key})
		f.at[key] = i
		f.up(i)
		i = f.at[key]
	default:
		least := &f.heap[0]
		delete(f.at, least.key)
		least.key, least.error = key, least.count
		f.at[key] = 0
		i = 0
	}
	f.heap[i].count += n
	t := f.heap[i]
	f.down(i)
	return t.count - t.error
}

func (f *frequent) up(i int32) {
	for i > 0 {
		parent := (i - 1) / 2
		if f.heap[parent].count <= f.heap[i].count {
			return
		}
		f.swap(i, parent)
		i = parent
	}
}

func (f *frequent) down(i int32) {
	for {
		child := 2*i + 1
		if int(child) >= len(f.heap) {
			return
		}
		if int(child+1) < len(f.heap) && f.heap[child+1].count < f.heap[child].count {
			child++
		}
		if f.heap[i].count <= f.heap[child].count {
			return
		}
		f.swap(i, child)
		i = child
	}
}

func (f *frequent) swap(i, j int32) {
	f.heap[i], f.heap[j] = f.heap[j], f.heap[i]
	f.at[f.heap[i].key], f.at[f.heap[j].key] = i, j
}
