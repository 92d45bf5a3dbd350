package striped_test

import (
	"sync"
	"testing"

	"github.com/onefold-go/onefold/internal/striped"
)

func TestCounterCountsConcurrentAdds(t *testing.T) {
	const goroutines, each = 8, 10_000
	c := striped.New()
	if n := c.Load(); n != 0 {
		t.Errorf("a new Counter is at %d", n)
	}
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			last := uint64(0)
			for range each {
				c.Add(1)
				if last%97 == 0 {
					if n := c.Load(); n <= last && last > 0 {
						t.Errorf("Load = %d, want more than %d", n, last)
					}
				}
				last++
			}
		})
	}
	wg.Wait()
	if n := c.Load(); n != goroutines*each {
		t.Errorf("Load = %d, want %d", n, goroutines*each)
	}
}

func BenchmarkAddParallel(b *testing.B) {
	c := striped.New()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			c.Add(1)
		}
	})
}
