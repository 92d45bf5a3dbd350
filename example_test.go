package onefold_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/onefold-go/onefold"
)

func ExampleGroup_Do() {
	var greetings onefold.Group[string, string]
	greet := func(_ context.Context, name string) (string, error) { return "hello " + name, nil }

	v, err := greetings.Do(context.Background(), "ada", greet)
	fmt.Println(v, err)
	// Output: hello ada <nil>
}

// A caller that has a deadline of its own leaves when that comes. The load goes
// on for those who still wait.
func ExampleGroup_Do_deadline() {
	var reports onefold.Group[int, string]
	began, finish := make(chan struct{}), make(chan struct{})
	slow := func(_ context.Context, year int) (string, error) {
		close(began)
		<-finish
		return fmt.Sprintf("the report of %d", year), nil
	}

	patient := reports.DoChan(context.Background(), 1999, slow)
	<-began

	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_, err := reports.Do(ctx, 1999, slow)
	fmt.Println("hurried:", err)

	close(finish)
	fmt.Println("patient:", (<-patient).Value)
	// Output:
	// hurried: context deadline exceeded
	// patient: the report of 1999
}

func ExampleGroup_DoChan() {
	var prices onefold.Group[string, int]
	open := make(chan struct{})
	ask := func(_ context.Context, item string) (int, error) {
		<-open
		return len(item), nil
	}

	ctx := context.Background()
	first := prices.DoChan(ctx, "apple", ask)
	second := prices.DoChan(ctx, "apple", ask)
	close(open)

	for _, result := range []<-chan onefold.Result[int]{first, second} {
		select {
		case r := <-result:
			fmt.Println(r.Value, r.Err, r.Outcome, "of", r.Callers)
		case <-time.After(time.Minute):
			fmt.Println("closed for today")
		}
	}
	// Output:
	// 5 <nil> led of 2
	// 5 <nil> joined of 2
}

// After a write, Forget keeps later callers from joining a load that began
// before it.
func ExampleGroup_Forget() {
	var prices onefold.Group[string, int]
	price := 5
	began, finish := make(chan struct{}), make(chan struct{})
	slow := func(context.Context, string) (int, error) {
		old := price
		close(began)
		<-finish
		return old, nil
	}
	quick := func(context.Context, string) (int, error) { return price, nil }

	ctx := context.Background()
	before := prices.DoChan(ctx, "apple", slow)
	<-began
	price = 6
	prices.Forget("apple")

	after, _ := prices.Do(ctx, "apple", quick)
	close(finish)
	fmt.Println("after the write:", after)
	fmt.Println("from before it:", (<-before).Value)
	// Output:
	// after the write: 6
	// from before it: 5
}

// Each tenant has its own invoice 7. The load gets the tenant from the key, not
// from the context of whoever happened to lead.
func ExampleIn() {
	var invoices onefold.Group[onefold.Scoped[string, int], string]
	load := func(_ context.Context, k onefold.Scoped[string, int]) (string, error) {
		return fmt.Sprintf("invoice %d of %s", k.Key, k.Scope), nil
	}

	ctx := context.Background()
	for _, tenant := range []string{"north", "south"} {
		v, _ := invoices.Do(ctx, onefold.In(tenant, 7), load)
		fmt.Println(v)
	}
	// Output:
	// invoice 7 of north
	// invoice 7 of south
}

// With Do the panic of a load goes on in each of its callers; DoChan delivers
// it. Either way it says where the load was.
func ExamplePanicError() {
	var pages onefold.Group[string, string]
	render := func(_ context.Context, name string) (string, error) {
		panic(fmt.Errorf("template %s: %w", name, fs.ErrNotExist))
	}

	r := <-pages.DoChan(context.Background(), "index", render)

	var p *onefold.PanicError
	if errors.As(r.Err, &p) {
		fmt.Println(p.Value)
		fmt.Println("names the load:", strings.Contains(string(p.Stack), "ExamplePanicError"))
	}
	fmt.Println("is fs.ErrNotExist:", errors.Is(r.Err, fs.ErrNotExist))
	// Output:
	// template index: file does not exist
	// names the load: true
	// is fs.ErrNotExist: true
}

// For a Config that comes from a file: the first use of a Group panics at the
// faults that Validate reports.
func ExampleConfig_Validate() {
	cfg := onefold.Config{LoadTimeout: -2 * time.Second, OnAbandon: 9}
	fmt.Println(cfg.Validate())
	// Output:
	// onefold: Config.LoadTimeout is -2s, want 0 or more
	// onefold: Config.OnAbandon is 9, want DefaultOnAbandon, CancelLoad or FinishLoad
}

// A caller that has just written asks for a load that began after its write.
func ExampleGroup_DoResult() {
	var prices onefold.Group[string, int]
	ask := func(_ context.Context, item string) (int, error) { return len(item), nil }

	wrote := time.Now()
	r := prices.DoResult(context.Background(), "apple", ask, onefold.Call{NotBefore: wrote, Budget: time.Minute})
	fmt.Println(r.Value, r.Err, r.Outcome, "of", r.Callers)
	// Output: 5 <nil> led of 1
}

func ExampleNewLoader() {
	greet := func(_ context.Context, name string) (string, error) { return "hello " + name, nil }
	greetings, err := onefold.NewLoader(greet, onefold.Config{Name: "greetings", LoadTimeout: time.Minute})
	if err != nil {
		fmt.Println(err)
		return
	}
	v, err := greetings.Load(context.Background(), "ada")
	fmt.Println(v, err)
	// Output: hello ada <nil>
}

// The load is traced as part of its first caller's request, and cannot know who
// that was.
func ExampleCarryOnly() {
	type trace struct{}
	type user struct{}
	pages := onefold.Group[string, string]{Config: onefold.Config{Carry: onefold.CarryOnly(trace{})}}
	render := func(ctx context.Context, name string) (string, error) {
		return fmt.Sprint(name, " in trace ", ctx.Value(trace{}), " for user ", ctx.Value(user{})), nil
	}

	ctx := context.WithValue(context.Background(), trace{}, 7)
	ctx = context.WithValue(ctx, user{}, "ada")
	v, _ := pages.Do(ctx, "index", render)
	fmt.Println(v)
	// Output: index in trace 7 for user <nil>
}

func ExampleGroup_Close() {
	var greetings onefold.Group[string, string]
	greet := func(_ context.Context, name string) (string, error) { return "hello " + name, nil }

	fmt.Println(greetings.Close(context.Background()))
	_, err := greetings.Do(context.Background(), "ada", greet)
	fmt.Println(err)
	// Output:
	// <nil>
	// onefold: closed
}

func ExampleGroup_Stats() {
	var prices onefold.Group[string, int]
	open := make(chan struct{})
	ask := func(_ context.Context, item string) (int, error) {
		<-open
		return len(item), nil
	}
	ctx := context.Background()
	first, second := prices.DoChan(ctx, "apple", ask), prices.DoChan(ctx, "apple", ask)
	close(open)
	<-first
	<-second

	stats := prices.Stats()
	fmt.Println(stats.Led, "led,", stats.Joined, "joined: ratio", stats.CoalescingRatio())
	// Output: 1 led, 1 joined: ratio 0.5
}

// A user's load needs the organisation, and that of the organisation needs the
// user. Neither waits for ever: the one that closes the ring is told of it.
func ExampleCycleError() {
	users := onefold.Group[string, string]{Config: onefold.Config{Name: "users", ShowKeys: true}}
	orgs := onefold.Group[int, string]{Config: onefold.Config{Name: "orgs", ShowKeys: true}}

	var user func(context.Context, string) (string, error)
	org := func(ctx context.Context, _ int) (string, error) { return users.Do(ctx, "ada", user) }
	user = func(ctx context.Context, _ string) (string, error) { return orgs.Do(ctx, 7, org) }

	_, err := users.Do(context.Background(), "ada", user)
	fmt.Println(err)

	var ring *onefold.CycleError
	if errors.As(err, &ring) {
		fmt.Println("closed by", ring.Ring[len(ring.Ring)-1].Name)
	}
	// Output:
	// onefold: load would wait for itself: users key ada -> orgs key 7 -> users key ada
	// closed by orgs
}

// A load starts a goroutine that will ask for the same key again, and does not
// wait for it. Detached, it is a caller of its own, and joins.
func ExampleDetach() {
	var prices onefold.Group[string, int]
	asked, logged := make(chan struct{}), make(chan struct{})
	var load func(context.Context, string) (int, error)
	load = func(ctx context.Context, item string) (int, error) {
		go func() {
			defer close(logged)
			result := prices.DoChan(onefold.Detach(ctx), item, load)
			close(asked)
			r := <-result
			fmt.Println("log:", r.Value, r.Err)
		}()
		<-asked
		return len(item), nil
	}

	_, _ = prices.Do(context.Background(), "apple", load)
	<-logged
	// Output: log: 5 <nil>
}
