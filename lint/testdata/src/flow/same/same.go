package same

import (
	"fmt"
	"strconv"
)

func pair(a, b any) {}

const name = "name"

var table, mode = "t", "m"

func setMode(s string) { mode = s }

type box struct {
	id, changing string
}

type key struct {
	kind string
	id   int
}

func next() int { return 0 }

func (b *box) set(s string) { b.changing = s }

func made() *box {
	b := new(box)
	b.id = "x"
	return b
}

func values(b, other *box, s string, n int) {
	pair(s, s)                                                   // want "same"
	pair("name", name)                                           // want "same"
	pair("a:"+s, "a:"+s)                                         // want "same"
	pair(fmt.Sprintf("%s/%d", s, n), fmt.Sprintf("%s/%d", s, n)) // want "same"
	pair(strconv.Itoa(n), strconv.Itoa(n))                       // want "same"
	pair(key{s, n}, key{s, n})                                   // want "same"
	pair(b.id, b.id)                                             // want "same"
	pair(table, table)                                           // want "same"
	pair(s[1:], s[1:])                                           // want "same"
	t := s
	func() { pair(t, s) }() // want "same"

	pair("a", "b")
	pair("a:"+s, "b:"+s)
	pair(fmt.Sprintf("%s/%d", s, n), fmt.Sprintf("%s/%d", s, n+1))
	pair(key{s, 1}, key{s, 2})
	pair(b.id, other.id)
	pair(b.changing, b.changing)
	pair(mode, mode)
	pair(next(), next())
	pair(s[1:], s[2:])
	u := s
	if n > 0 {
		u = "other"
	}
	pair(s, u)
}
