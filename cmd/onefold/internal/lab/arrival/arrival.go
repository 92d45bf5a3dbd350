// Package arrival makes the stream of calls that the lab replays once per
// strategy: generated ones, or those of a recorded trace.
package arrival

import "time"

// A Stream is a list of calls in order of time. It is not changed after it
// was made, so that many runs can share it.
type Stream struct {
	Keys     []string      // distinct keys; Call.Key and Warm are indices into it
	Calls    []Call        // sorted by At
	Warm     []int32       // keys that are in the cache, all of one age, when the replay starts
	Duration time.Duration // from the first instant of the replay to its last call
	Title    string        // one line that says what the stream is
	Notes    []string      // what a reader of the figures must know: lines left out, coarse stamps, ...
}

// A Call is one arrival: somebody wants a key, at a moment.
type Call struct {
	At  time.Duration // from the start of the replay
	Key int32
}
