// Package record writes down what a group or a cache is asked for, while it
// serves, in a form that the advisor reads: when, for which key (a digest), with
// what outcome, and how long loads took. From such a recording the advisor says
// what another TTL, a jitter or no coalescing at all would have come to.
//
//	recorder, err := record.New(file, record.Config{})
//	cfg := tier.Config{Hooks: recorder.Hooks(onefold.Hooks{})}
//	…
//	err = recorder.Close()
//
// A recording says nothing of the keys but which of them are equal.
package record
