package envelope_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/onefold-go/onefold/codec/envelope"
)

// encoding gives a value's encoding as it is.
func encoding(value string) func([]byte) ([]byte, error) {
	return func(dst []byte) ([]byte, error) { return append(dst, value...), nil }
}

func seal(t testing.TB, e envelope.Envelope) []byte {
	t.Helper()
	data, err := envelope.Seal(e, encoding(string(e.Data)))
	if err != nil {
		t.Fatalf("Seal(%+v) = %v", e, err)
	}
	return data
}

// resign makes the checksum of changed bytes right, as a writer with another
// idea of the format would.
func resign(body []byte) []byte {
	return binary.BigEndian.AppendUint32(slices.Clone(body), crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
}

func wantReason(t testing.TB, what, key string, data []byte, reason string) {
	t.Helper()
	e, err := envelope.Open(key, data)
	var fault *envelope.Error
	if !errors.As(err, &fault) || fault.Reason != reason {
		t.Errorf("%s: Open = %v, want an Error of reason %s", what, err, reason)
	}
	if !reflect.DeepEqual(e, envelope.Envelope{}) {
		t.Errorf("%s: Open = %+v beside its error, want nothing", what, e)
	}
}

func same(a, b envelope.Envelope) bool {
	return a.Born.Equal(b.Born) && bytes.Equal(a.Data, b.Data) && slices.Equal(a.Tags, b.Tags) &&
		a.Key == b.Key && a.Kind == b.Kind && a.Fresh == b.Fresh && a.Keep == b.Keep && a.Took == b.Took &&
		a.Epoch == b.Epoch && a.Seq == b.Seq && a.Validator == b.Validator && a.Version == b.Version
}

var full = envelope.Envelope{
	Key: "key", Kind: envelope.NotFound, Born: time.Unix(0, 0x0102030405060708),
	Fresh: 300, Keep: 301, Took: 5, Epoch: 1 << 63, Seq: 2, Version: 7,
	Tags: []string{"a", "bc"}, Validator: `"v"`, Data: []byte("value"),
}

// SPEC: R07
func TestRoundTrip(t *testing.T) {
	long := strings.Repeat("long", 1<<14)
	for _, e := range []envelope.Envelope{
		{},
		full,
		{Key: "\x00\xff", Fresh: envelope.Forever, Keep: envelope.Forever, Data: []byte("1f\x01\x00")},
		{Key: long[:envelope.MaxKey], Fresh: envelope.Forever - 1, Keep: envelope.Forever},
		{Key: long[:envelope.MaxKey+1], Fresh: envelope.Forever - 1, Keep: envelope.Forever - 1, Took: envelope.Forever},
		{Key: long, Keep: envelope.Forever - 1, Epoch: math.MaxUint64, Seq: math.MaxUint64, Version: math.MaxUint64},
		{Born: time.Unix(0, math.MinInt64), Tags: []string{""}, Data: []byte(long)},
	} {
		if e.Born.IsZero() {
			e.Born = time.Unix(-1, 1)
		}
		data := seal(t, e)
		got, err := envelope.Open(e.Key, data)
		if err != nil || !same(got, e) {
			t.Errorf("%.300v comes back as %.300v, %v", e, got, err)
		}
		wantReason(t, "another key", e.Key+"x", data, envelope.KeyMismatch)
		if e.Key != "" {
			wantReason(t, "no key", "", data, envelope.KeyMismatch)
		}
		_ = append(got.Data, "####"...)
		if _, err := envelope.Open(e.Key, data); err != nil {
			t.Errorf("appending to Data made the envelope %v", err)
		}
	}
}

// A key that no engine takes is carried as its digest, and is told from other
// keys all the same.
//
// SPEC: S04
func TestLongKeyIsCarriedAsItsDigest(t *testing.T) {
	e := full
	e.Key = strings.Repeat("k", envelope.MaxKey+1)
	data := seal(t, e)
	digest := sha256.Sum256([]byte(e.Key))
	if bytes.Contains(data, []byte("kkk")) || !bytes.Contains(data, digest[:]) {
		t.Errorf("the envelope is %q, want the digest in it and not the key", data)
	}
	wantReason(t, "another long key", e.Key[1:]+"x", data, envelope.KeyMismatch)
	wantReason(t, "the digest as a key", string(digest[:]), data, envelope.KeyMismatch)
}

// Processes of other versions rely on the layout. The checksum was computed
// apart from this package.
func TestLayout(t *testing.T) {
	want := "1f\x01\x00\x01\x01\x02\x03\x04\x05\x06\x07\x08\xad\x02\x02\x05" +
		"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01\x02\x07\x03key\x03\"v\"\x02\x01a\x02bcvalue" + "\xb2\x06\xcc\xc6"
	if got := string(seal(t, full)); got != want {
		t.Errorf("the full envelope is\n%q, want\n%q", got, want)
	}
	e := envelope.Envelope{Key: strings.Repeat("k", 251), Born: time.Unix(0, -1), Fresh: envelope.Forever, Keep: envelope.Forever}
	want = "1f\x01\x01\x00\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00" +
		"\x3b\x80\x59\xc6\x37\x93\x9a\x48\x3b\xdc\x7b\xee\xf0\x9f\x11\xb5" +
		"\x66\x58\x1b\xe6\xd1\x4e\x25\x08\x3b\x30\x41\xb7\x77\x17\xde\x02" + "\x00\x00" + "\x9e\x06\x38\x6b"
	if got := string(seal(t, e)); got != want {
		t.Errorf("the envelope of a long key is\n%q, want\n%q", got, want)
	}
}

// What a newer writer stored is told from garbage, whatever it looks like
// behind the head.
//
// SPEC: X06
func TestUnknownVersion(t *testing.T) {
	data := seal(t, full)
	changed := func(at int, to byte) []byte {
		b := slices.Clone(data)
		b[at] = to
		return b
	}
	wantReason(t, "version 2", "key", changed(2, 2), envelope.Version)
	wantReason(t, "version 0", "key", changed(2, 0), envelope.Version)
	wantReason(t, "version 2, another format", "key", []byte("1f\x02 something else, with no checksum"), envelope.Version)
	for bit := 1; bit < 8; bit++ {
		wantReason(t, "an unknown flag", "key", changed(3, 1<<bit), envelope.Version)
	}
	wantReason(t, "an unknown kind", "key", resign(changed(4, 2)[:len(data)-4]), envelope.Version)
	wantReason(t, "an unknown kind of something damaged", "key", changed(4, 2), envelope.Checksum)
}

// SPEC: R05, R06
func TestGarbage(t *testing.T) {
	data := seal(t, full)
	body := data[:len(data)-4]
	wantReason(t, "nothing", "key", nil, envelope.Decode)
	wantReason(t, "another format", "key", []byte(`{"an": "object that is long enough"}`), envelope.Decode)
	for n := range data {
		e, err := envelope.Open("key", data[:n])
		if err == nil {
			t.Errorf("cut to %d of %d bytes it opens as %+v", n, len(data), e)
		}
	}
	wantReason(t, "a byte more", "key", append(slices.Clone(data), 0), envelope.Checksum)

	// A right checksum over what nobody seals.
	for n := 13; n < len(body)-len(full.Data); n++ {
		if e, err := envelope.Open("key", resign(body[:n])); err == nil {
			t.Errorf("signed anew at %d bytes it opens as %+v", n, e)
		}
	}
	start := "1f\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	for what, rest := range map[string]string{
		"a varint with a byte too many":  "\x81\x00\x00\x00\x00\x00\x00\x03key\x00\x00",
		"a fresh of Forever, spelt out":  "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01\x00\x00\x00\x00\x00\x03key\x00\x00",
		"a keep after Forever":           "\x00\x01\x00\x00\x00\x00\x03key\x00\x00",
		"a keep out of range":            "\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x03\x00\x00\x00\x00\x03key\x00\x00",
		"a took out of range":            "\x01\x01\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01\x00\x00\x00\x03key\x00\x00",
		"a validator over the end":       "\x01\x01\x00\x00\x00\x00\x03key\x7f\x00",
		"more tags than there are bytes": "\x01\x01\x00\x00\x00\x00\x03key\x00\xff\xff\xff\xff\x0f",
		"a tag over the end":             "\x01\x01\x00\x00\x00\x00\x03key\x00\x01\x02a",
		"a key of 2^32 bytes more":       "\x01\x01\x00\x00\x00\x00\x83\x80\x80\x80\x10key\x00\x00",
		"a validator of 2^63 bytes more": "\x01\x01\x00\x00\x00\x00\x03key\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01\x00",
	} {
		wantReason(t, what, "key", resign([]byte(start+rest)), envelope.Decode)
	}
	if e, err := envelope.Open("key", resign([]byte(start+"\x01\x01\x00\x00\x00\x00\x03key\x00\x00"))); err != nil || len(e.Data) != 0 {
		t.Errorf("without a fault: Open = %+v, %v", e, err)
	}
	short := strings.Repeat("k", 3)
	wantReason(t, "a short key as a digest", short,
		resign([]byte("1f\x01\x01"+start[4:]+"\x01\x01\x00\x00\x00\x00"+digestOf(short)+"\x00\x00")), envelope.KeyMismatch)
}

func digestOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return string(sum[:])
}

// SPEC: R12, S06
func TestLimits(t *testing.T) {
	data := seal(t, full)
	for _, tt := range []struct {
		limits envelope.Limits
		fits   bool
	}{
		{envelope.Limits{}, true},
		{envelope.Limits{Size: len(data)}, true},
		{envelope.Limits{Size: len(data) - 1}, false},
		{envelope.Limits{Size: 1}, false},
		{envelope.Limits{Tags: 2}, true},
		{envelope.Limits{Tags: 1}, false},
		{envelope.Limits{Tag: 2}, true},
		{envelope.Limits{Tag: 1}, false},
		{envelope.Limits{Validator: 3}, true},
		{envelope.Limits{Validator: 2}, false},
	} {
		sealed, err := tt.limits.Seal(full, encoding("value"))
		_, openErr := tt.limits.Open("key", data)
		if tt.fits {
			if err != nil || openErr != nil || !bytes.Equal(sealed, data) {
				t.Errorf("%+v: Seal = %q, %v; Open = %v", tt.limits, sealed, err, openErr)
			}
			continue
		}
		var fault *envelope.Error
		if sealed != nil || !errors.As(err, &fault) || fault.Reason != envelope.TooLarge {
			t.Errorf("%+v: Seal = %q, %v; want reason too_large", tt.limits, sealed, err)
		}
		if !errors.As(openErr, &fault) || fault.Reason != envelope.TooLarge {
			t.Errorf("%+v: Open = %v, want reason too_large", tt.limits, openErr)
		}
	}

	// Size comes first: not even the checksum is computed.
	wantReason(t, "64 MiB and one", "key", make([]byte, 64<<20+1), envelope.TooLarge)
}

func TestLimitsFaults(t *testing.T) {
	for field, bad := range map[string]envelope.Limits{
		"Size": {Size: -1}, "Tags": {Tags: -1}, "Tag": {Tag: -1}, "Validator": {Validator: -1},
	} {
		if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), field+" is -1") {
			t.Errorf("Validate = %v, want it to name %s and -1", err, field)
		}
	}
	if err := (envelope.Limits{}).Validate(); err != nil {
		t.Errorf("Validate of the zero Limits = %v", err)
	}
}

func TestSealRefuses(t *testing.T) {
	now := time.Now()
	for want, e := range map[string]envelope.Envelope{
		"Kind is 9":   {Kind: 9, Born: now},
		"Born is":     {},
		"Born is 226": {Born: time.Date(2263, 1, 1, 0, 0, 0, 0, time.UTC)},
		"Fresh is -1": {Born: now, Fresh: -1},
		"Keep is 1ns": {Born: now, Fresh: 2, Keep: 1},
		"Took is -1":  {Born: now, Took: -1},
	} {
		data, err := envelope.Seal(e, nil)
		if data != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Seal = %q, %v; want an error with %q", data, err, want)
		}
	}
	errCodec := errors.New("codec")
	data, err := envelope.Seal(full, func(dst []byte) ([]byte, error) { return dst, errCodec })
	if data != nil || err != errCodec { //nolint:errorlint // as it is
		t.Errorf("Seal = %q, %v; want nil and the codec's error", data, err)
	}
}

// An error is for logs, so it has nothing of the value or the key.
func TestErrorTexts(t *testing.T) {
	seen := make(map[string]bool)
	for _, reason := range []string{envelope.Decode, envelope.Checksum, envelope.KeyMismatch, envelope.TooLarge, envelope.Version} {
		text := (&envelope.Error{Reason: reason}).Error()
		if seen[text] || !strings.HasPrefix(text, "envelope: ") || len(text) < 15 {
			t.Errorf("the text of %s is %q", reason, text)
		}
		seen[text] = true
	}
}

// A length that is a lie makes nobody allocate, and the shape that costs most,
// tags of no bytes, costs 16 bytes each.
//
// SPEC: S06
func TestOpenAllocatesInProportion(t *testing.T) {
	many := full
	many.Tags = make([]string, 1000)
	start := "1f\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x01\x00\x00\x00\x00\x03key"
	for what, data := range map[string][]byte{
		"a value":            seal(t, full),
		"1,000 tags":         seal(t, many),
		"a validator of GBs": resign([]byte(start + "\xff\xff\xff\xff\x0f")),
		"10^9 tags":          resign([]byte(start + "\x00\xff\xff\xff\xff\x0f")),
	} {
		const times = 100
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range times {
			_, _ = envelope.Open("key", data)
		}
		runtime.ReadMemStats(&after)
		if used := (after.TotalAlloc - before.TotalAlloc) / times; used > uint64(20*len(data)+1000) { // what else runs allocates too
			t.Errorf("%s: %d bytes made Open allocate %d", what, len(data), used)
		}
	}
}

// FuzzOpen: no bytes make Open panic, and only what Seal makes opens.
//
// SPEC: R05, S06
func FuzzOpen(f *testing.F) {
	f.Add("key", seal(f, full))
	f.Add("", []byte{})
	f.Add("k", []byte("1f\x02"))
	many := full
	many.Tags = make([]string, 1000)
	f.Add("key", seal(f, many))
	f.Fuzz(func(t *testing.T, key string, data []byte) {
		for _, data := range [][]byte{data, resign(data)} {
			e, err := envelope.Open(key, data)
			if err != nil {
				continue
			}
			if again := seal(t, e); !bytes.Equal(again, data) {
				t.Errorf("%q opens, though its envelope is %q", data, again)
			}
		}
	})
}

// FuzzSeal: what is sealed opens as it was, and with one bit flipped or cut
// short it does not open.
//
// SPEC: R06
func FuzzSeal(f *testing.F) {
	f.Add("key", []byte("value"), "a,b", `"v"`, int64(1), int64(2), int64(3), uint64(4), uint64(5), uint16(3), true)
	f.Add(strings.Repeat("k", 300), []byte{}, "", "", int64(-1), int64(math.MaxInt64), int64(0), uint64(math.MaxUint64), uint64(0), uint16(0), false)
	f.Fuzz(func(t *testing.T, key string, value []byte, tags, validator string, born, fresh, more int64, a, b uint64, at uint16, found bool) {
		if fresh < 0 || more < 0 {
			return
		}
		e := envelope.Envelope{
			Key: key, Born: time.Unix(0, born), Fresh: time.Duration(fresh), Keep: time.Duration(fresh) + time.Duration(more),
			Took: time.Duration(more), Epoch: a, Seq: b, Version: a ^ b, Validator: validator, Data: value,
		}
		if e.Keep < e.Fresh {
			e.Keep = envelope.Forever
		}
		if tags != "" {
			e.Tags = strings.Split(tags, ",")
		}
		if !found {
			e.Kind = envelope.NotFound
		}
		data, err := envelope.Seal(e, encoding(string(value)))
		var fault *envelope.Error
		if errors.As(err, &fault) && fault.Reason == envelope.TooLarge {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := envelope.Open(key, data)
		if err != nil || !same(got, e) {
			t.Fatalf("%+v comes back as %+v, %v", e, got, err)
		}
		i := int(at) % len(data)
		if _, err := envelope.Open(key, data[:i]); err == nil {
			t.Errorf("cut to %d of %d bytes it opens", i, len(data))
		}
		for bit := range 8 {
			data[i] ^= 1 << bit
			if got, err := envelope.Open(key, data); err == nil {
				t.Errorf("with bit %d of byte %d flipped it opens as %+v", bit, i, got)
			}
			data[i] ^= 1 << bit
		}
	})
}
