package protobuf_test

import (
	"fmt"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/onefold-go/onefold/codec/protobuf"
)

func ExampleCodec() {
	c := protobuf.Codec[*wrapperspb.StringValue]()

	data, err := c.Append(nil, wrapperspb.String("ada"))
	fmt.Printf("%q %v\n", data, err)
	m, err := c.Decode(data)
	fmt.Println(m.GetValue(), err)
	// Output:
	// "\n\x03ada" <nil>
	// ada <nil>
}
