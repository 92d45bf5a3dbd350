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
