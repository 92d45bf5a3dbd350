package codec_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/onefold-go/onefold/codec"
)

type user struct {
	ID   int64
	Name string
	Tags []string
	More map[string]any
	Boss *user
}

// roundTrip gives what is decoded of v's encoding.
func roundTrip[V any](t *testing.T, c codec.Codec[V], v V) V {
	t.Helper()
	data, err := c.Append([]byte("before"), v)
	if err != nil || !bytes.HasPrefix(data, []byte("before")) {
		t.Fatalf("Append(%v) = %q, %v; want it behind what was there", v, data, err)
	}
	got, err := c.Decode(data[len("before"):])
	if err != nil {
		t.Fatalf("Decode(%q) = %v", data, err)
	}
	return got
}

func TestJSONRoundTrip(t *testing.T) {
	for _, v := range []user{
		{},
		{ID: math.MaxInt64, Name: "ada \u2028 <\"&>\x00", Tags: []string{}, Boss: &user{ID: math.MinInt64}},
		{More: map[string]any{"big": json.Number("12345678901234567890"), "small": json.Number("0.1"), "none": nil}},
	} {
		if got := roundTrip(t, codec.JSON[user](), v); !reflect.DeepEqual(got, v) {
			t.Errorf("%+v comes back as %+v", v, got)
		}
	}
	if got := roundTrip(t, codec.JSON[any](), any(json.Number("9007199254740993"))); got != json.Number("9007199254740993") {
		t.Errorf("2^53 + 1 comes back as %v", got)
	}
	if got := roundTrip(t, codec.JSON[*user](), nil); got != nil {
		t.Errorf("nil comes back as %v", got)
	}
}

func TestJSONRefuses(t *testing.T) {
	for _, data := range []string{"", " ", "{", `{"ID":1`, `{"ID":"1"}`, `{"ID":1.5}`, `{"ID":9223372036854775808}`, "[]", "1", "{} {}", "{}x", "{}1", "{}}", "{}]", "{} ]", "\xff"} {
		v, err := codec.JSON[user]().Decode([]byte(data))
		if err == nil || !strings.HasPrefix(err.Error(), "codec: ") {
			t.Errorf("Decode(%q) = %+v, %v; want an error", data, v, err)
		}
		if !reflect.DeepEqual(v, user{}) {
			t.Errorf("Decode(%q) = %+v beside its error, want nothing", data, v)
		}
	}
	var unsupported *json.UnsupportedTypeError
	if _, err := codec.JSON[chan int]().Append(nil, nil); !errors.As(err, &unsupported) || !strings.HasPrefix(err.Error(), "codec: ") {
		t.Errorf("Append of a channel = %v", err)
	}
	if _, err := codec.JSON[user]().Decode([]byte(" {} \n")); err != nil {
		t.Errorf("space around the value: %v", err)
	}
}

// SPEC: S06
func TestJSONLimits(t *testing.T) {
	c := codec.JSON[any]()
	nested := func(depth int) []byte {
		return []byte(strings.Repeat("[", depth) + strings.Repeat("]", depth))
	}
	if _, err := c.Decode(nested(10_000)); err != nil {
		t.Errorf("10,000 deep: %v", err)
	}
	if v, err := c.Decode(nested(10_001)); err == nil {
		t.Errorf("10,001 deep: %T, want an error", v)
	}

	if v, err := c.Decode(make([]byte, codec.MaxJSON+1)); err == nil || !strings.Contains(err.Error(), "67108865 bytes") {
		t.Errorf("a byte over MaxJSON: %T, %v; want an error with the size", v, err)
	}
	small := codec.JSONOf[string](5)
	if got := roundTrip(t, small, "abc"); got != "abc" {
		t.Errorf("as long as may be, it comes back as %q", got)
	}
	if data, err := small.Append([]byte("dst"), "abcd"); err == nil || !strings.Contains(err.Error(), "6 bytes, want at most 5") {
		t.Errorf("a byte over: Append = %q, %v", data, err)
	}
	if v, err := small.Decode([]byte(`"abc" `)); err == nil || !strings.Contains(err.Error(), "6 bytes, want at most 5") {
		t.Errorf("a byte over: Decode = %q, %v", v, err)
	}
}

// SPEC: N11
func TestBytes(t *testing.T) {
	for _, v := range []string{"", "\x00", "value"} {
		given := []byte(v)
		data, err := codec.Bytes().Append(nil, given)
		if string(data) != v || err != nil {
			t.Errorf("Append(%q) = %q, %v", v, data, err)
		}
		for i := range given {
			given[i] = 'X'
		}
		// What is behind the data belongs to somebody else.
		buffer := append(data, "tail"...)
		got, err := codec.Bytes().Decode(buffer[:len(v)])
		if string(got) != v || err != nil {
			t.Errorf("Decode(%q) = %q, %v", v, got, err)
		}
		_ = append(got, "####"...)
		if string(buffer) != v+"tail" {
			t.Errorf("appending to the value made the buffer %q", buffer)
		}
	}
}

type (
	name string
	id   int64
)

// String must not be what a key is made of: it need not tell keys apart.
func (name) String() string { return "name" }
func (id) String() string   { return "id" }

// SPEC: S03
func TestKeysAreInjective(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pre := rapid.SliceOf(rapid.Byte()).Draw(t, "dst")
		text := rapid.OneOf(rapid.StringOfN(rapid.SampledFrom([]rune("a\x00\x01")), 0, 4, -1), rapid.String())
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		injective(t, codec.StringKey[name], pre, name(a), name(b))

		n, m := rapid.Int64().Draw(t, "n"), rapid.Int64().Draw(t, "m")
		injective(t, codec.Int64Key[id], pre, id(n), id(m))

		list := rapid.SliceOfN(text, 0, 4)
		p, q := list.Draw(t, "p"), list.Draw(t, "q")
		pp, qq := codec.Parts(slices.Clone(pre), p...), codec.Parts(slices.Clone(pre), q...)
		if bytes.Equal(pp, qq) != slices.Equal(p, q) || !bytes.HasPrefix(pp, pre) {
			t.Fatalf("Parts(%q) = %q and Parts(%q) = %q, behind %q", p, pp, q, qq, pre)
		}
	})
}

func injective[K comparable](t *rapid.T, key codec.Key[K], pre []byte, a, b K) {
	x, y := key(slices.Clone(pre), a), key(slices.Clone(pre), b)
	if bytes.Equal(x, y) != (a == b) || !bytes.HasPrefix(x, pre) {
		t.Fatalf("the key of %v is %q and that of %v is %q, behind %q", a, x, b, y, pre)
	}
}

func TestKeyEncodings(t *testing.T) {
	for want, got := range map[string][]byte{
		"ada":                  codec.StringKey(nil, name("ada")),
		"-9223372036854775808": codec.Int64Key(nil, id(math.MinInt64)),
		"\x01a\x02bc\x00":      codec.Parts(nil, "a", "bc", ""),
	} {
		if string(got) != want {
			t.Errorf("a key is %q, want %q", got, want)
		}
	}
}
