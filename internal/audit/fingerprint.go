package audit

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"reflect"
	"time"
)

// Bounds of what is looked at of one value; what is beyond them does not count.
const (
	maxDepth = 32
	maxSteps = 100_000
)

var seed = maphash.MakeSeed()

// A print is the fingerprint of a value: equal for values that hold the same,
// whatever addresses they are at, within one process.
type print struct {
	whole uint64
	parts []uint64 // of the fields, where the value is a struct or leads to one
}

// fingerprint walks all that v leads to. Functions and channels do not count:
// two of them cannot be compared.
func fingerprint(v any) (p print, fields []string) {
	w := walker{seen: make(map[uintptr]bool)}
	r := reflect.ValueOf(v)
	p.whole = w.of(r, 0)
	for r.IsValid() && (r.Kind() == reflect.Pointer || r.Kind() == reflect.Interface) && !r.IsNil() {
		r = r.Elem()
	}
	if r.IsValid() && r.Kind() == reflect.Struct && r.Type() != timeType {
		for i := range r.NumField() {
			w := walker{seen: make(map[uintptr]bool)}
			p.parts = append(p.parts, w.of(r.Field(i), 1))
			fields = append(fields, r.Type().Field(i).Name)
		}
	}
	return p, fields
}

// differing names the fields whose parts differ; nil where nothing is known of
// fields.
func differing(a, b print, fields []string) []string {
	if len(a.parts) != len(b.parts) || len(a.parts) != len(fields) {
		return nil
	}
	var names []string
	for i, name := range fields {
		if a.parts[i] != b.parts[i] {
			names = append(names, name)
		}
	}
	return names
}

type walker struct {
	seen  map[uintptr]bool // the pointers on the way here: a ring ends at itself
	steps int
}

var timeType = reflect.TypeFor[time.Time]()

func (w *walker) of(v reflect.Value, depth int) uint64 {
	w.steps++
	if !v.IsValid() || depth > maxDepth || w.steps > maxSteps {
		return 1
	}
	switch v.Kind() {
	case reflect.Bool:
		if v.Bool() {
			return number(3)
		}
		return number(2)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return number(uint64(v.Int()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return number(v.Uint())
	case reflect.Float32, reflect.Float64:
		return number(math.Float64bits(v.Float()))
	case reflect.Complex64, reflect.Complex128:
		c := v.Complex()
		return mix(number(math.Float64bits(real(c))), number(math.Float64bits(imag(c))))
	case reflect.String:
		return maphash.String(seed, v.String())
	case reflect.Pointer:
		if v.IsNil() || w.seen[v.Pointer()] {
			return 4
		}
		w.seen[v.Pointer()] = true
		defer delete(w.seen, v.Pointer())
		return mix(5, w.of(v.Elem(), depth+1))
	case reflect.Interface:
		if v.IsNil() {
			return 6
		}
		return mix(maphash.String(seed, v.Elem().Type().String()), w.of(v.Elem(), depth+1))
	case reflect.Array, reflect.Slice:
		return w.list(v, depth)
	case reflect.Map:
		// The order of a map says nothing: its elements' hashes are added up.
		sum := number(uint64(v.Len()))
		for it := v.MapRange(); it.Next(); {
			sum += mix(w.of(it.Key(), depth+1), w.of(it.Value(), depth+1))
		}
		return sum
	case reflect.Struct:
		return w.structure(v, depth)
	default: // functions, channels, unsafe pointers
		return 7
	}
}

func (w *walker) list(v reflect.Value, depth int) uint64 {
	h := number(uint64(v.Len()))
	if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
		return mix(h, maphash.Bytes(seed, v.Bytes()))
	}
	for i := range v.Len() {
		h = mix(h, w.of(v.Index(i), depth+1))
	}
	return h
}

func (w *walker) structure(v reflect.Value, depth int) uint64 {
	switch t := v.Type(); {
	case t == timeType:
		// An instant is the same whatever clock and zone it is written with. Of
		// one in an unexported field the parts alone can be read: it does not count.
		if !v.CanInterface() {
			return 8
		}
		at := v.Interface().(time.Time)
		return mix(number(uint64(at.Unix())), number(uint64(at.Nanosecond())))
	case t.PkgPath() == "sync", t.PkgPath() == "sync/atomic":
		return 9 // how it is used, and not what it holds
	}
	h := number(uint64(v.NumField()))
	for i := range v.NumField() {
		h = mix(h, w.of(v.Field(i), depth+1))
	}
	return h
}

func number(n uint64) uint64 {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], n)
	return maphash.Bytes(seed, b[:])
}

func mix(a, b uint64) uint64 {
	var buf [16]byte
	binary.LittleEndian.PutUint64(buf[:8], a)
	binary.LittleEndian.PutUint64(buf[8:], b)
	return maphash.Bytes(seed, buf[:])
}
