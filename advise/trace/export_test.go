package trace

// NewOrder gives what puts records into order, to be compared with a sort.
func NewOrder(back int, more func([]Record) (int, error)) interface {
	Read([]Record) (int, error)
	Late() uint64
} {
	return orderForTest{newOrder(back, more)}
}

type orderForTest struct{ *order }

func (o orderForTest) Read(b []Record) (int, error) { return o.read(b) }
func (o orderForTest) Late() uint64                 { return o.late }

// NewDistinct gives a counter that is exact up to limit.
func NewDistinct(limit int) *Distinct { return newDistinct(limit) }

// Add counts a hash.
func (d *Distinct) Add(h uint64) { d.add(h) }

// Number reads a decimal number.
func Number(b []byte) (whole uint64, nanos int64, neg, ok bool) { return number(b) }

// HashOf hashes a text under a seed.
func HashOf(seed uint64, b []byte) uint64 {
	h := newHasher(seed)
	return h.bytes(b)
}

// PlainName gives a column's name as the table of names has it.
func PlainName(name string) (string, int64) { return plainName(name) }

// Bucket gives the bucket of a gap and the smallest gap in it.
func Bucket(gap int64) (i int, floor int64) {
	i = gapBucket(gap)
	return i, bucketFloor(i)
}
