package batch_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/batch"
)

// names is a source that gives many names at once. It knows two people.
func names(_ context.Context, ids []int) (map[int]string, error) {
	fmt.Println("asked for", ids)
	known := map[int]string{1: "ada", 2: "grace"}
	found := make(map[int]string)
	for _, id := range ids {
		if name, ok := known[id]; ok {
			found[id] = name
		}
	}
	return found, nil
}

func ExampleNewLoader() {
	_, err := batch.NewLoader(names, batch.Config{MaxKeys: -1, Window: time.Hour})
	fmt.Println(err)
	// Output:
	// batch: Config.MaxKeys is -1, want 0 (1000) or more
	// batch: Config.Window is 1h0m0s, want 0 (none) to 1s
}

func ExampleLoader_LoadMany() {
	people, err := batch.NewLoader(names, batch.Config{})
	if err != nil {
		panic(err)
	}
	ids := []int{2, 7, 1, 2}
	for i, r := range people.LoadMany(context.Background(), ids) {
		fmt.Println(ids[i], r.Value, r.Err)
	}
	// Output:
	// asked for [2 7 1]
	// 2 grace <nil>
	// 7  onefold: not found
	// 1 ada <nil>
	// 2 grace <nil>
}

// Some keys fail, and the others keep their values.
func ExampleKeyErrors() {
	upper := func(_ context.Context, words []string) (map[string]string, error) {
		values, failed := make(map[string]string), make(batch.KeyErrors[string])
		for _, word := range words {
			if word == "" {
				failed[word] = errors.New("empty")
				continue
			}
			values[word] = strings.ToUpper(word)
		}
		return values, failed
	}
	loader, err := batch.NewLoader(upper, batch.Config{})
	if err != nil {
		panic(err)
	}
	for _, r := range loader.LoadMany(context.Background(), []string{"a", "", "b"}) {
		fmt.Printf("%q %v\n", r.Value, r.Err)
	}
	// Output:
	// "A" <nil>
	// "" empty
	// "B" <nil>
}

func ExampleKeyErrors_Error() {
	failed := batch.KeyErrors[int]{1: errors.New("locked"), 2: errors.New("empty"), 3: nil}
	fmt.Println(failed)
	// Output: batch: 2 keys failed, one with: empty
}

func ExampleKeyErrors_Unwrap() {
	failed := batch.KeyErrors[int]{1: onefold.ErrNotFound}
	fmt.Println(errors.Is(failed, onefold.ErrNotFound))
	// Output: true
}

func ExampleLoader_Load() {
	people, err := batch.NewLoader(names, batch.Config{})
	if err != nil {
		panic(err)
	}
	name, err := people.Load(context.Background(), 1)
	fmt.Println(name, err)
	// Output:
	// asked for [1]
	// ada <nil>
}

// Calls for single keys that come within the window are one load.
func ExampleLoader_Load_window() {
	people, err := batch.NewLoader(names, batch.Config{MaxKeys: 2, Window: time.Second})
	if err != nil {
		panic(err)
	}
	first := make(chan string)
	go func() {
		name, _ := people.Load(context.Background(), 1)
		first <- name
	}()
	for people.Stats().Led == 0 {
		time.Sleep(time.Millisecond) // the other call is on its way
	}
	name, err := people.Load(context.Background(), 2) // fills the load, which does not wait longer then
	fmt.Println(<-first, name, err)
	// Output:
	// asked for [1 2]
	// ada grace <nil>
}

func ExampleLoader_LoadResult() {
	people, err := batch.NewLoader(names, batch.Config{})
	if err != nil {
		panic(err)
	}
	r := people.LoadResult(context.Background(), 2, onefold.Call{Budget: time.Minute})
	fmt.Println(r.Value, r.Outcome, r.Callers)
	// Output:
	// asked for [2]
	// grace led 1
}

// What a load began to read before a write is not for those who come after it.
func ExampleLoader_Forget() {
	people, err := batch.NewLoader(names, batch.Config{})
	if err != nil {
		panic(err)
	}
	// ... write persons 1 and 2 to the source ...
	people.Forget(1, 2)
	name, _ := people.Load(context.Background(), 1)
	fmt.Println(name)
	// Output:
	// asked for [1]
	// ada
}

func ExampleLoader_Stats() {
	people, err := batch.NewLoader(names, batch.Config{})
	if err != nil {
		panic(err)
	}
	people.LoadMany(context.Background(), []int{1, 2, 1})
	stats := people.Stats()
	fmt.Println(stats.Led, "keys in", stats.Loads, "load,", stats.Joined, "joined")
	// Output:
	// asked for [1 2]
	// 2 keys in 1 load, 1 joined
}

func ExampleLoader_Close() {
	people, err := batch.NewLoader(names, batch.Config{})
	if err != nil {
		panic(err)
	}
	fmt.Println(people.Close(context.Background()))
	for _, r := range people.LoadMany(context.Background(), []int{1}) {
		fmt.Println(r.Err)
	}
	// Output:
	// <nil>
	// onefold: closed
}

func ExampleConfig_Validate() {
	fmt.Println(batch.Config{Config: onefold.Config{Name: "people", LoadTimeout: time.Second}, MaxKeys: 100}.Validate())
	// Output: <nil>
}
