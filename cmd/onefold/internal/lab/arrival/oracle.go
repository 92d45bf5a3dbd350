package arrival

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"
)

// oracleRecord is the size of a record of libCacheSim's oracleGeneral format:
// time in seconds (4 bytes), object (8), size (4), and the index of the
// object's next access (8), all little-endian and without padding.
const oracleRecord = 24

// readOracle reads a trace of such records.
func (t *trace) readOracle(ctx context.Context) error {
	if t.TimeUnit == "" {
		t.clock.unit = time.Second
	}
	var (
		raw       [oracleRecord]byte
		key, when []byte
	)
	for number := 1; ; number++ {
		if number%1024 == 1 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n, err := io.ReadFull(t.in, raw[:])
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, io.ErrUnexpectedEOF) && n > 0:
			t.tally.refuse(number, raw[:n], fmt.Errorf("the record ends after %d of %d bytes", n, oracleRecord))
			return nil
		case err != nil:
			return fmt.Errorf("arrival: %s: record %d: %w", t.name, number, err)
		}
		if t.full() {
			return nil
		}
		err = nil
		if next := nextAccess(raw[:]); !isIndex(next) {
			err = fmt.Errorf("%d is no index of a next access", next)
		}
		when = strconv.AppendUint(when[:0], uint64(binary.LittleEndian.Uint32(raw[:])), 10)
		key = strconv.AppendUint(key[:0], binary.LittleEndian.Uint64(raw[4:]), 10)
		t.take(number, raw[:], record{time: when, key: key}, err)
		if t.tally.bad.n >= hopeless && t.tally.good == 0 {
			return nil // judge refuses it
		}
	}
}

func nextAccess(raw []byte) int64 { return int64(binary.LittleEndian.Uint64(raw[16:])) }

// isIndex says whether a next access is one: -1 and the greatest number mean
// that there is none.
func isIndex(next int64) bool {
	return next >= -1 && next < 1<<48 || next == math.MaxInt64
}

// looksOracle says whether a sample is such records: they are in order of
// time, and their next accesses come after them.
func looksOracle(sample []byte) bool {
	records := min(len(sample)/oracleRecord, 100)
	last := uint32(0)
	for i := range records {
		raw := sample[i*oracleRecord:]
		when, next := binary.LittleEndian.Uint32(raw), nextAccess(raw)
		if when < last || !isIndex(next) || next >= 0 && next <= int64(i) {
			return false
		}
		last = when
	}
	return records > 1
}
