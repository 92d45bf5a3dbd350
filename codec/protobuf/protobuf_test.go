package protobuf_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/onefold-go/onefold/codec/protobuf"
)

func roundTrip[M proto.Message](t *testing.T, m M) M {
	t.Helper()
	c := protobuf.Codec[M]()
	data, err := c.Append([]byte("before"), m)
	if err != nil || !bytes.HasPrefix(data, []byte("before")) {
		t.Fatalf("Append(%v) = %q, %v; want it behind what was there", m, data, err)
	}
	got, err := c.Decode(data[len("before"):])
	if err != nil {
		t.Fatalf("Decode(%q) = %v", data, err)
	}
	if !proto.Equal(got, m) {
		t.Errorf("%v comes back as %v", m, got)
	}
	return got
}

func TestRoundTrip(t *testing.T) {
	roundTrip(t, wrapperspb.String("ada \x00 \u2028"))
	roundTrip(t, wrapperspb.Int64(-1<<63))
	roundTrip(t, &emptypb.Empty{})
	s, err := structpb.NewStruct(map[string]any{"a": 1.0, "b": []any{nil, true, "x"}, "c": map[string]any{}})
	if err != nil {
		t.Fatal(err)
	}
	roundTrip(t, s)

	data, err := protobuf.Codec[*wrapperspb.StringValue]().Append(nil, nil)
	if len(data) != 0 || err != nil {
		t.Errorf("Append(nil) = %q, %v; want nothing", data, err)
	}
	if m, err := protobuf.Codec[*wrapperspb.StringValue]().Decode(nil); m == nil || m.GetValue() != "" || err != nil {
		t.Errorf("Decode of nothing = %v, %v; want an empty message", m, err)
	}
}

// A process with an older schema does not lose what it does not know.
func TestUnknownFieldsAreKept(t *testing.T) {
	data := protowire.AppendTag(nil, 99, protowire.BytesType)
	data = protowire.AppendString(data, "new")
	m, err := protobuf.Codec[*emptypb.Empty]().Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	again, err := protobuf.Codec[*emptypb.Empty]().Append(nil, m)
	if !bytes.Equal(again, data) || err != nil {
		t.Errorf("%q comes back as %q, %v", data, again, err)
	}
}

// What a message is made of is its own: the bytes may be written to.
//
// SPEC: N11
func TestDecodedIsNoPartOfTheBytes(t *testing.T) {
	c := protobuf.Codec[*wrapperspb.BytesValue]()
	data, err := c.Append(nil, wrapperspb.Bytes([]byte("value")))
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	for i := range data {
		data[i] = 'X'
	}
	if string(m.GetValue()) != "value" {
		t.Errorf("the value became %q", m.GetValue())
	}
}

// SPEC: R05, S06
func TestRefuses(t *testing.T) {
	wantError := func(what, want string, err error) {
		t.Helper()
		if err == nil || !strings.HasPrefix(err.Error(), "protobuf: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error with %q", what, err, want)
		}
	}
	text := protobuf.Codec[*wrapperspb.StringValue]()
	for _, data := range []string{"\x0a", "\x0a\x05abc", "\x0a\x01\xff", "\xff", "{}"} {
		m, err := text.Decode([]byte(data))
		wantError(fmt.Sprintf("Decode(%q)", data), "decode", err)
		if m != nil {
			t.Errorf("Decode(%q) = %v beside its error", data, m)
		}
	}
	_, err := text.Append(nil, wrapperspb.String("\xff"))
	wantError("not UTF-8", "encode", err)
	_, err = protobuf.Codec[*descriptorpb.UninterpretedOption_NamePart]().Append(nil, &descriptorpb.UninterpretedOption_NamePart{})
	wantError("without a required field", "encode", err)

	large := make([]byte, protobuf.MaxSize+1)
	_, err = text.Decode(large)
	wantError("too large", "decode: message too large", err)
	_, err = protobuf.Codec[*wrapperspb.BytesValue]().Append(nil, wrapperspb.Bytes(large))
	wantError("too large", "encode: message too large", err)

	list := structpb.NewNullValue()
	for range 2000 {
		list = structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{list}})
	}
	data, err := proto.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	_, err = protobuf.Codec[*structpb.Value]().Decode(data)
	wantError("too deep", "decode", err)
}

type wrapped struct{ *wrapperspb.StringValue }

func TestTypeThatCannotBeMade(t *testing.T) {
	defer func() {
		if p := recover(); !strings.Contains(fmt.Sprint(p), "interface") {
			t.Errorf("Codec of an interface: recovered %v", p)
		}
	}()
	if m, err := protobuf.Codec[wrapped]().Decode(nil); err == nil {
		t.Errorf("Decode = %v, want an error", m)
	}
	protobuf.Codec[proto.Message]()
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("\x0a\x05\x0a\x01a\x12\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := protobuf.Codec[*structpb.Struct]()
		m, err := c.Decode(data)
		if err != nil {
			return
		}
		again, err := c.Append(nil, m)
		if err != nil {
			t.Fatalf("%q is decoded and cannot be encoded: %v", data, err)
		}
		if m2, err := c.Decode(again); err != nil || len(m2.GetFields()) != len(m.GetFields()) {
			t.Errorf("%v comes back as %v, %v", m, m2, err)
		}
	})
}
