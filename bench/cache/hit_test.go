package cache

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
)

// BenchmarkHit finds each of 10,000 keys at hand.
func BenchmarkHit(b *testing.B) {
	keys := names(10_000)
	random := rand.New(rand.NewPCG(1, 1))
	order := make([]uint32, 1<<16)
	for i := range order {
		order[i] = random.Uint32N(uint32(len(keys)))
	}
	for _, goroutines := range []int{1, 2} {
		for _, lib := range libraries[int64]() {
			b.Run(fmt.Sprintf("lib=%s/goroutines=%d", lib.name, goroutines), func(b *testing.B) {
				loads := 0
				get := lib.open(b, func(context.Context, string) (int64, error) {
					loads++
					return 7, nil
				}, 10*len(keys))
				for _, key := range keys {
					if _, err := get(context.Background(), key); err != nil {
						b.Fatal(err)
					}
				}
				loads = 0
				calls(b, goroutines, get, keys, order)
				if loads > 0 {
					b.Errorf("%d of %d calls were no hit", loads, b.N)
				}
			})
		}
	}
}
