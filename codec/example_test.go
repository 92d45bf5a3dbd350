package codec_test

import (
	"fmt"

	"github.com/onefold-go/onefold/codec"
)

func ExampleJSON() {
	type point struct{ X, Y int }
	c := codec.JSON[point]()

	data, err := c.Append(nil, point{1, 2})
	fmt.Println(string(data), err)
	p, err := c.Decode(data)
	fmt.Println(p, err)
	// Output:
	// {"X":1,"Y":2} <nil>
	// {1 2} <nil>
}

func ExampleBytes() {
	c := codec.Bytes()

	data, err := c.Append([]byte("head:"), []byte("body"))
	fmt.Println(string(data), err)
	// Output: head:body <nil>
}

func ExampleStringKey() {
	type sku string
	fmt.Println(string(codec.StringKey(nil, sku("A-100"))))
	// Output: A-100
}

func ExampleInt64Key() {
	type userID int64
	fmt.Println(string(codec.Int64Key(nil, userID(42))))
	// Output: 42
}

// ExampleParts makes the key of a document within its tenant.
func ExampleParts() {
	type doc struct{ Tenant, ID string }
	key := func(dst []byte, d doc) []byte { return codec.Parts(dst, d.Tenant, d.ID) }

	fmt.Printf("%q\n", key(nil, doc{"a", "bc"}))
	fmt.Printf("%q\n", key(nil, doc{"ab", "c"}))
	// Output:
	// "\x01a\x02bc"
	// "\x02ab\x01c"
}
