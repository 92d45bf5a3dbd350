// Package meter reads what the process has cost.
package meter

import (
	"fmt"
	"runtime/metrics"
	"slices"
	"syscall"
	"time"
)

// CPU gives the processor time that the process has used, its own and the
// kernel's for it. Unlike the time that passes, it does not grow while other
// programs have the processor.
func CPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(fmt.Sprint("getrusage: ", err)) // it takes nothing that could be wrong
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

var others = []metrics.Sample{ // the samples of Quiet, once, so that it allocates nothing
	{Name: "/sched/goroutines/runnable:goroutines"},
	{Name: "/sched/goroutines/running:goroutines"},
}

// Quiet reports whether no goroutine but the caller's runs or could run. It is
// for one goroutine at a time.
func Quiet() bool {
	metrics.Read(others)
	return others[0].Value.Uint64() == 0 && others[1].Value.Uint64() <= 1
}

// Quantile gives the q-th part of d, which it sorts.
func Quantile(d []time.Duration, q float64) time.Duration {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return d[min(len(d)-1, int(q*float64(len(d))))]
}
