package lab

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/arrival"
)

const (
	// An editor who saves often saves twice: so large a share of the writes
	// is followed by another of the same key, while callers are still loading
	// the row that the first one left.
	secondSave = 0.25

	// The second save comes within so many times the load time.
	secondSaveWithin = 2.0
)

// A plan is what happens beside the calls: who gives up and when, and what is
// written when. It is drawn once, so that every strategy meets the same.
type plan struct {
	giveUp []time.Duration // by call, from its arrival; negative: never
	writes []write         // sorted by at
}

type write struct {
	at  time.Duration // from the start of the replay
	key int32
}

// newPlan draws a plan. A share of the callers, cancel, gives up at a moment
// between 0 and twice the load time; invalidate is the number of writes a
// second.
func newPlan(stream *arrival.Stream, loadTime time.Duration, cancel, invalidate float64, seed uint64) *plan {
	return &plan{
		giveUp: drawGiveUps(len(stream.Calls), loadTime, cancel, rand.New(rand.NewPCG(seed, 1))),
		writes: drawWrites(stream, loadTime, invalidate, rand.New(rand.NewPCG(seed, 2))),
	}
}

func drawGiveUps(calls int, loadTime time.Duration, share float64, random *rand.Rand) []time.Duration {
	giveUp := make([]time.Duration, calls)
	for i := range giveUp {
		leaves, after := random.Float64(), random.Float64()
		giveUp[i] = -1
		if leaves < share {
			giveUp[i] = time.Duration(after * 2 * float64(loadTime))
		}
	}
	return giveUp
}

// drawWrites draws a Poisson stream of writes. The key of a write is that of a
// call drawn from the whole stream, so keys are written as they are read.
func drawWrites(stream *arrival.Stream, loadTime time.Duration, rate float64, random *rand.Rand) []write {
	if rate <= 0 || len(stream.Calls) == 0 {
		return nil
	}
	var (
		writes []write
		mean   = (1 + secondSave) / rate * float64(time.Second) // between first saves
		at     time.Duration
	)
	for {
		at += time.Duration(random.ExpFloat64() * mean)
		if at >= stream.Duration {
			break
		}
		key := stream.Calls[random.IntN(len(stream.Calls))].Key
		writes = append(writes, write{at: at, key: key})
		if random.Float64() < secondSave {
			after := time.Duration(random.Float64() * secondSaveWithin * float64(loadTime))
			writes = append(writes, write{at: at + after, key: key})
		}
	}
	slices.SortStableFunc(writes, func(a, b write) int { return int(a.at - b.at) })
	return writes
}
