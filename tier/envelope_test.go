package tier

import (
	"bytes"
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

// encode gives a value's encoding as it is.
func encode(value []byte) func([]byte) ([]byte, error) {
	return func(dst []byte) ([]byte, error) { return append(dst, value...), nil }
}

func TestEnvelopeRoundTrip(t *testing.T) {
	for _, key := range []string{"", "k", "\x00\xff", strings.Repeat("long", 1<<14)} {
		for _, value := range []string{"", "v", "1f\x01\x00", strings.Repeat("x", 1<<16)} {
			for _, born := range []time.Time{time.Unix(0, 0), time.Unix(1, 999_999_999), time.Unix(-1, 0), time.Unix(1<<33, 0)} {
				for _, ttl := range []time.Duration{1, time.Second, forever - 1, forever} {
					data, err := seal(key, born, ttl, encode([]byte(value)))
					if err != nil {
						t.Fatal(err)
					}
					if want := envelopeHead + len(key) + len(value) + envelopeTail; len(data) != want {
						t.Errorf("seal gave %d bytes, want %d", len(data), want)
					}
					v, err := open(key, data)
					if err != nil || !v.born.Equal(born) || v.ttl != ttl || string(v.value) != value {
						t.Errorf("open = %v, %v, %.9q, %v; want %v, %v, %.9q, nil", v.born, v.ttl, v.value, err, born, ttl, value)
					}
					if _, err := open(key+"x", data); !errors.Is(err, errOtherKey) {
						t.Errorf("open as another key = %v, want errOtherKey", err)
					}
				}
			}
		}
	}
}

func TestSealHandsOnTheCodecsError(t *testing.T) {
	errCodec := errors.New("codec")
	data, err := seal("k", time.Now(), 1, func(dst []byte) ([]byte, error) { return dst, errCodec })
	if data != nil || err != errCodec { //nolint:errorlint // as it is
		t.Errorf("seal = %q, %v; want nil and the codec's error", data, err)
	}
}

// The layout is that of the comment: processes of other versions rely on it.
// The checksum was computed apart from this package.
func TestEnvelopeLayout(t *testing.T) {
	data, err := seal("key", time.Unix(0, 0x0102030405060708), 0x1112131415161718, encode([]byte("value")))
	if err != nil {
		t.Fatal(err)
	}
	want := "1f\x01\x00\x01\x02\x03\x04\x05\x06\x07\x08\x11\x12\x13\x14\x15\x16\x17\x18\x00\x00\x00\x03keyvalue\x0e\xb2\xe4\x5c"
	if string(data) != want {
		t.Errorf("seal = %q, want %q", data, want)
	}
}

// SPEC: N09
func TestEnvelopeAge(t *testing.T) {
	born := time.Unix(1_000_000_000, 0)
	for _, tt := range []struct {
		after time.Duration // born
		ttl   time.Duration
		want  time.Duration
		err   error
	}{
		{0, time.Minute, 0, nil},
		{time.Second, time.Minute, time.Second, nil},
		{time.Minute - 1, time.Minute, time.Minute - 1, nil},
		{time.Minute, time.Minute, 0, errAge},
		{time.Hour, time.Minute, 0, errAge},
		{-1, time.Minute, 0, nil},
		{-skew, time.Minute, 0, nil},
		{-skew - 1, time.Minute, 0, errAge},
		{-skew - 1, forever, 0, errAge},
		{math.MaxInt64 / 2, forever, math.MaxInt64 / 2, nil},
		{math.MinInt64 / 2, forever, 0, errAge},
	} {
		age, err := envelope{born: born, ttl: tt.ttl}.age(born.Add(tt.after))
		if age != tt.want || !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
			t.Errorf("%v after its birth, TTL %v: age = %v, %v; want %v, %v", tt.after, tt.ttl, age, err, tt.want, tt.err)
		}
	}
}

// The clock of entries is the monotonic one: a step of the wall clock changes
// nothing. A time prints its monotonic reading, when it has one.
//
// SPEC: N09
func TestClockOfEntriesIsMonotonic(t *testing.T) {
	load := func(context.Context, string) (int, error) { return 0, nil }
	c, err := New(load, Config{}, Near[string, int](noNear[string, int]{}))
	if err != nil {
		t.Fatal(err)
	}
	if s := c.start.String(); !strings.Contains(s, " m=") {
		t.Errorf("the clock starts at %s, want a monotonic reading", s)
	}
	before := c.now()
	if after := c.now(); before < 0 || after < before {
		t.Errorf("the clock goes from %v to %v", before, after)
	}
}

// What was sealed opens; nothing that differs from it in one bit, or that is
// cut short, does. No data makes open panic.
//
// SPEC: R05, R06
func FuzzOpenEnvelope(f *testing.F) {
	f.Add([]byte("1f\x01\x00"), "k", int64(1), int64(1), uint16(9))
	f.Add([]byte("value"), "", int64(-1), int64(math.MaxInt64), uint16(0))
	f.Add([]byte{}, strings.Repeat("k", 300), int64(math.MaxInt64), int64(0), uint16(1<<16-1))
	f.Fuzz(func(t *testing.T, data []byte, key string, born, ttl int64, at uint16) {
		if v, err := open(key, data); err == nil {
			// Only what seal could have made opens.
			again, err := seal(key, v.born, v.ttl, encode(v.value))
			if err != nil || !bytes.Equal(again, data) {
				t.Errorf("%q opens as %q, though its envelope is %q", data, v.value, again)
			}
		}
		if ttl <= 0 {
			return
		}
		sealed, err := seal(key, time.Unix(0, born), time.Duration(ttl), encode(data))
		if err != nil {
			t.Fatal(err)
		}
		v, err := open(key, sealed)
		if err != nil || !bytes.Equal(v.value, data) || v.born.UnixNano() != born || v.ttl != time.Duration(ttl) {
			t.Fatalf("open(seal(%q)) = %+v, %v", data, v, err)
		}
		if _, err := v.age(time.Now()); err != nil && !errors.Is(err, errAge) {
			t.Errorf("age = %v", err)
		}
		i := int(at) % len(sealed)
		if _, err := open(key, sealed[:i]); err == nil {
			t.Errorf("cut to %d of %d bytes it opens", i, len(sealed))
		}
		for bit := range 8 {
			sealed[i] ^= 1 << bit
			if v, err := open(key, sealed); err == nil {
				t.Errorf("with bit %d of byte %d flipped it opens as %q", bit, i, v.value)
			}
			sealed[i] ^= 1 << bit
		}
	})
}
