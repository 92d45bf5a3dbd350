package lab

import (
	"runtime/metrics"
	"time"
)

// A usage is what the process has used since it began.
type usage struct {
	cpu     time.Duration // user and system time; 0 where it cannot be told
	objects uint64        // allocated on the heap
}

func readUsage() usage {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:objects"}}
	metrics.Read(sample)
	u := usage{cpu: cpuTime()}
	if sample[0].Value.Kind() == metrics.KindUint64 {
		u.objects = sample[0].Value.Uint64()
	}
	return u
}
