package trace

// twins finds records that are there twice. It remembers the latest ones, four
// in each of many sets, so that its memory is bounded; of two that are far
// apart it may not find the second.
type twins struct {
	sets  [][4]twin
	count uint64 // of sets, a power of two
}

type twin struct {
	hash uint64
	time int64
}

// Duplicates by identity may be far apart. Those that are only suspected are
// close by, so that fewer need to be remembered.
const (
	identitySets = 1 << 16
	suspectSets  = 1 << 8
	suspectGap   = 100_000 // nanoseconds
)

// seen reports whether hash was there within gap nanoseconds, and remembers it.
func (t *twins) seen(hash uint64, time, gap int64) bool {
	if t.sets == nil {
		t.sets = make([][4]twin, t.count)
	}
	set := &t.sets[hash&(t.count-1)]
	oldest := 0
	for i := range set {
		if set[i].hash == hash {
			d := time - set[i].time
			set[i].time = time
			return max(d, -d) <= gap
		}
		if set[i].hash == 0 || set[oldest].hash != 0 && set[i].time < set[oldest].time {
			oldest = i
		}
	}
	set[oldest] = twin{hash, time}
	return false
}
