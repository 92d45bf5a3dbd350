package keymutex_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/onefold-go/onefold/keymutex"
)

// Each transfer has its account for itself; other accounts go on.
func ExampleMutex() {
	var accounts keymutex.Mutex[string]
	balance := map[string]int{"ada": 10}

	withdraw := func(ctx context.Context, name string, amount int) error {
		if err := accounts.Lock(ctx, name); err != nil {
			return err
		}
		defer accounts.Unlock(name)

		if balance[name] < amount {
			return errors.New("not enough")
		}
		balance[name] -= amount
		return nil
	}

	ctx := context.Background()
	fmt.Println(withdraw(ctx, "ada", 7))
	fmt.Println(withdraw(ctx, "ada", 7))
	// Output:
	// <nil>
	// not enough
}

// A caller waits no longer than its context says.
func ExampleMutex_Lock() {
	var files keymutex.Mutex[string]
	fmt.Println(files.Lock(context.Background(), "report.txt"))

	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	fmt.Println(files.Lock(ctx, "report.txt"))
	// Output:
	// <nil>
	// context deadline exceeded
}

// TryLock is for work that need not be done twice: if somebody is at it, it is
// left to them.
func ExampleMutex_TryLock() {
	var rebuilding keymutex.Mutex[string]
	rebuild := func(index string) string {
		if !rebuilding.TryLock(index) {
			return "somebody rebuilds " + index
		}
		defer rebuilding.Unlock(index)
		return "rebuilt " + index
	}

	fmt.Println(rebuild("names"))
	rebuilding.TryLock("prices")
	fmt.Println(rebuild("prices"))
	// Output:
	// rebuilt names
	// somebody rebuilds prices
}

func ExampleMutex_Unlock() {
	var seats keymutex.Mutex[int]
	_ = seats.Lock(context.Background(), 12)
	seats.Unlock(12)

	defer func() { fmt.Println(recover()) }()
	seats.Unlock(12)
	// Output: keymutex: Unlock of a key that is not locked
}

// One caller may wait; the next is turned away.
func ExampleLimitError() {
	seats := keymutex.Mutex[int]{Config: keymutex.Config{MaxWaiters: 1}}
	ctx, cancel := context.WithCancel(context.Background())
	_ = seats.Lock(ctx, 12)

	errs := make(chan error)
	for range 2 {
		go func() { errs <- seats.Lock(ctx, 12) }()
	}
	var limit *keymutex.LimitError
	if err := <-errs; errors.As(err, &limit) {
		fmt.Println("turned away, the limit is", limit.Limit)
	}
	cancel()
	fmt.Println(<-errs)
	// Output:
	// turned away, the limit is 1
	// context canceled
}

// For a Config that comes from a file: the first use of a Mutex panics at the
// fault that Validate reports.
func ExampleConfig_Validate() {
	fmt.Println(keymutex.Config{MaxWaiters: -1}.Validate())
	// Output: keymutex: Config.MaxWaiters is -1, want 0 (10000) or more
}
