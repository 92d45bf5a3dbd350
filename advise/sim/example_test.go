package sim_test

import (
	"fmt"
	"time"

	"github.com/onefold-go/onefold/advise/sim"
)

func Example() {
	// A key that is asked for each millisecond, and takes 20 ms to load.
	var trace sim.Trace
	for i := range int64(60_000) {
		trace.Request(i*int64(time.Millisecond), 7, sim.Draw)
	}
	out := trace.Run(sim.Setting{Loader: sim.Constant(20 * time.Millisecond)},
		sim.Arm{Name: "cache", TTL: 10 * time.Second},
		sim.Arm{Name: "cache and coalescing", TTL: 10 * time.Second, Coalesce: true})
	for _, o := range out {
		fmt.Printf("%s: %d loads, %d at once, p99.9 %v\n", o.Arm.Name, o.Loads, o.Peak, o.Latency.Quantile(0.999))
	}
	// Output:
	// cache: 120 loads, 20 at once, p99.9 20.054016ms
	// cache and coalescing: 6 loads, 1 at once, p99.9 10.027008ms
}

func ExampleParseLoader() {
	l, err := sim.ParseLoader("p50=20ms,p99=200ms")
	fmt.Println(err, l.Mean().Round(time.Millisecond), l.JoinedWait().Round(time.Millisecond))
	fmt.Printf("CV2 %.2f: who joins a load waits longer than who loads\n", l.CV2())
	// Output:
	// <nil> 33ms 43ms
	// CV2 1.66: who joins a load waits longer than who loads
}

func ExampleStream() {
	stream := sim.NewStream(sim.Setting{Loader: sim.Constant(time.Second)}, nil, sim.Arm{TTL: time.Minute, Coalesce: true})
	for i := range int64(600) {
		stream.Request(i*int64(time.Second)/2, 1, sim.Draw, 0)
	}
	out, _ := stream.Close()
	fmt.Println(out[0].Loads, "loads,", out[0].Joined, "joined")
	// Output: 5 loads, 5 joined
}

func ExampleSelfCheck() {
	checks := sim.SelfCheck(1)
	for i, c := range checks {
		if i == 0 || !c.OK {
			fmt.Printf("%s: %s is %.3f, simulated %.3f (%.3f to %.3f) %v\n", c.What, c.Formula, c.Predicted, c.Simulated, c.Low, c.High, c.OK)
		}
	}
	fmt.Println(len(checks), "checks")
	// Output:
	// loads a second, coalesced: 1/(m + T + 1/a) is 0.971, simulated 0.971 (0.971 to 0.971) true
	// 19 checks
}

// Where most requests are for keys that are known already, their numbers save
// looking for them.
func ExampleStream_Again() {
	stream := sim.NewStream(sim.Setting{Loader: sim.Constant(time.Second)}, nil, sim.Arm{TTL: time.Minute, Coalesce: true})
	const key = 7
	for t := range int64(3) {
		if id, found := stream.Find(key); found {
			stream.Again(t*int64(time.Minute), id, sim.Draw, 0)
		} else {
			stream.Request(t*int64(time.Minute), key, sim.Draw, 0)
		}
	}
	out, _ := stream.Close()
	fmt.Println(out[0].Requests, "requests,", out[0].Loads, "loads")
	// Output: 3 requests, 2 loads
}
