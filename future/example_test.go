package future_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/onefold-go/onefold/future"
)

func ExampleNew() {
	settings := future.New(func(context.Context) (string, error) {
		fmt.Println("reading the settings")
		return "colour = blue", nil
	}, future.Config{LoadTimeout: 2 * time.Second})

	ctx := context.Background()
	for range 2 {
		v, err := settings.Get(ctx)
		fmt.Println(v, err)
	}
	// Output:
	// reading the settings
	// colour = blue <nil>
	// colour = blue <nil>
}

// A caller that is in a hurry leaves. The load goes on, and its value is there
// for whoever asks later.
func ExampleFuture_Get() {
	finish := make(chan struct{})
	report := future.New(func(context.Context) (string, error) {
		<-finish
		return "the report", nil
	}, future.Config{})

	hurried, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_, err := report.Get(hurried)
	fmt.Println("hurried:", err)

	close(finish)
	v, err := report.Get(context.Background())
	fmt.Println("patient:", v, err)
	// Output:
	// hurried: context deadline exceeded
	// patient: the report <nil>
}

func ExampleFuture_Peek() {
	motto := future.New(func(context.Context) (string, error) { return "festina lente", nil }, future.Config{})

	_, ok := motto.Peek()
	fmt.Println(ok)
	_, _ = motto.Get(context.Background())
	fmt.Println(motto.Peek())
	// Output:
	// false
	// festina lente true
}

func ExampleFuture_Reset() {
	version := 1
	rules := future.New(func(context.Context) (string, error) { return fmt.Sprint("rules, version ", version), nil }, future.Config{})

	ctx := context.Background()
	v, _ := rules.Get(ctx)
	fmt.Println(v)

	version = 2
	v, _ = rules.Get(ctx)
	fmt.Println(v)

	rules.Reset()
	v, _ = rules.Get(ctx)
	fmt.Println(v)
	// Output:
	// rules, version 1
	// rules, version 1
	// rules, version 2
}

// While the source is down it is asked at most once in RetryMin, and callers
// fail at once in between.
func ExampleRetryError() {
	errDown := errors.New("the source is down")
	rates := future.New(func(context.Context) (int, error) {
		fmt.Println("asking the source")
		return 0, errDown
	}, future.Config{RetryMin: time.Hour, RetryMax: 24 * time.Hour})

	ctx := context.Background()
	_, err := rates.Get(ctx)
	fmt.Println("waited for the load:", err)

	_, err = rates.Get(ctx)
	var retry *future.RetryError
	fmt.Println("told at once:", errors.As(err, &retry), errors.Is(err, errDown))
	fmt.Println("an hour or more to go:", retry.After > 59*time.Minute)
	// Output:
	// asking the source
	// waited for the load: the source is down
	// told at once: true true
	// an hour or more to go: true
}

// For a Config that comes from a file: New panics at the faults that Validate
// reports.
func ExampleConfig_Validate() {
	cfg := future.Config{LoadTimeout: -2 * time.Second, RetryMin: time.Minute, RetryMax: time.Second}
	fmt.Println(cfg.Validate())
	// Output:
	// future: Config.LoadTimeout is -2s, want 0 (none) or more
	// future: Config.RetryMax is 1s, want 0 (RetryMin) or at least RetryMin, which is 1m0s
}
