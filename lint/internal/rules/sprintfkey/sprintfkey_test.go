package sprintfkey_test

import (
	"fmt"
	"math"
	"strconv"
	"testing"
)

type (
	kind  string
	level uint8
	on    bool
)

// What the fixes in testdata/src/sprintfkey/bugs.go.golden write in place of a
// format comes out byte for byte.
func TestFixesMakeTheSameText(t *testing.T) {
	for _, s := range []string{"", "a", "a/b", "%d", "\xff\x00", "ü\n"} {
		for _, n := range []int64{0, 1, -1, 42, math.MaxInt64, math.MinInt64} {
			for _, b := range []bool{false, true} {
				k, l, u, i := kind(s), level(n), uint64(n), int32(n)
				for _, pair := range [][2]string{
					{fmt.Sprintf("page:%s", s), "page:" + s},
					{fmt.Sprintf("%s/%d", s, int(n)), s + "/" + strconv.Itoa(int(n))},
					{fmt.Sprintf("%v-%v%%", s, n), s + "-" + strconv.FormatInt(n, 10) + "%"},
					{fmt.Sprintf("%s|%d|%d|%d|%v|%s", k, l, u, i+1, b, s+s), string(k) + "|" + strconv.FormatUint(uint64(l), 10) + "|" + strconv.FormatUint(u, 10) + "|" + strconv.FormatInt(int64(i+1), 10) + "|" + strconv.FormatBool(b) + "|" + s + s},
					{fmt.Sprint(int(n), int(n), s, b), strconv.Itoa(int(n)) + " " + strconv.Itoa(int(n)) + s + strconv.FormatBool(b)},
					{fmt.Sprint(on(b), l), strconv.FormatBool(bool(on(b))) + " " + strconv.FormatUint(uint64(l), 10)},
				} {
					if pair[0] != pair[1] {
						t.Errorf("for %q, %d and %v: the format makes %q, the fix %q", s, n, b, pair[0], pair[1])
					}
				}
			}
		}
	}
}
