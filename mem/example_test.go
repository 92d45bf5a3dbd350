package mem_test

import (
	"context"
	"fmt"

	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/tier"
)

func ExampleNew() {
	double := func(_ context.Context, n int) (int, error) { return 2 * n, nil }
	near := mem.New[int, int](mem.Config{MaxEntries: 1000})
	doubles, err := tier.New(double, tier.Config{}, near)
	if err != nil {
		panic(err)
	}
	fmt.Println(doubles.Get(context.Background(), 21))
	fmt.Println(near.EstimatedLen())
	// Output:
	// 42 <nil>
	// 1
}

func ExampleConfig_Validate() {
	fmt.Println(mem.Config{MaxEntries: -5}.Validate())
	// Output: mem: Config.MaxEntries is -5, want 0 (10000) or more
}

// Whatever leaves the cache is told of.
func ExampleOnEvict() {
	gone := make(chan string)
	texts := mem.New(mem.Config{MaxEntries: 100},
		mem.OnEvict(func(key int, value string, cause mem.Cause) { gone <- fmt.Sprint(key, " ", value, " ", cause) }))
	load := func(_ context.Context, n int) (string, error) { return fmt.Sprint("text ", n), nil }
	cache, err := tier.New(load, tier.Config{}, texts)
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	fmt.Println(cache.Get(ctx, 1))
	_ = cache.Delete(ctx, 1)
	fmt.Println(<-gone)
	// Output:
	// text 1 <nil>
	// 1 text 1 deleted
}

// ExampleWeigh bounds a cache by the length of its texts.
func ExampleWeigh() {
	texts := mem.New(mem.Config{MaxWeight: 1 << 20},
		mem.Weigh(func(_ int, text string) uint32 { return uint32(len(text)) }))
	load := func(_ context.Context, n int) (string, error) { return fmt.Sprint("text ", n), nil }
	cache, err := tier.New(load, tier.Config{}, texts)
	if err != nil {
		panic(err)
	}
	fmt.Println(cache.Get(context.Background(), 1))
	fmt.Println(texts.EstimatedLen())
	// Output:
	// text 1 <nil>
	// 1
}
