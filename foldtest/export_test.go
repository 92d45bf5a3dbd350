package foldtest

import (
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/onefold-go/onefold/tier"
)

// A recorder is a testing.TB that keeps what it is told.
type recorder struct {
	testing.TB
	mu     sync.Mutex
	faults []string
}

func (r *recorder) record(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = append(r.faults, text)
}

func (r *recorder) Helper()                   {}
func (r *recorder) Errorf(f string, _ ...any) { r.record(f) }
func (r *recorder) Fatalf(f string, _ ...any) { r.record(f); runtime.Goexit() }
func (r *recorder) Fatal(...any)              { r.record("Fatal"); runtime.Goexit() }

// run gives the faults that test finds.
func run(t *testing.T, test func(tb testing.TB)) []string {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		test(r)
	}()
	<-done
	return r.faults
}

// StoreFaults gives the names of the checks that a store fails, each in a
// bubble of its own.
func StoreFaults(t *testing.T, open func() func() tier.Store) (failed []string) {
	o := StoreOptions{Rounds: 30}.withDefaults()
	for _, c := range storeChecks {
		synctest.Test(t, func(t *testing.T) {
			connect := open()
			if !abilities(connect()).all(c.needs) {
				return
			}
			if faults := run(t, func(tb testing.TB) { c.run(newStoreTest(tb, o, connect)) }); len(faults) > 0 {
				failed = append(failed, c.name)
			}
		})
	}
	return failed
}

// NearFaults is StoreFaults for near tiers.
func NearFaults(t *testing.T, open func() tier.Near[string, int]) (failed []string) {
	for _, c := range nearChecks {
		if faults := run(t, func(tb testing.TB) { c.run(tb, open) }); len(faults) > 0 {
			failed = append(failed, c.name)
		}
	}
	return failed
}

// KeyFaults gives what CheckKey finds.
func KeyFaults[K comparable](t *testing.T, key func([]byte, K) []byte, keys ...K) string {
	return strings.Join(run(t, func(tb testing.TB) { CheckKey(tb, key, keys...) }), "\n")
}
