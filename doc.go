// Package onefold coalesces concurrent loads: when many callers need the same
// slow thing at once, it is loaded once and all of them get the result.
//
// A [Group] shares loads that overlap and keeps nothing. Package
// [github.com/onefold-go/onefold/tier] builds a cache on the same flights. The
// terms used throughout: a flight is one run of a loader with its callers; the
// leader is the caller that started it; the others are joiners.
//
// A flight belongs to nobody. The load runs with its own context, which has
// the values of the leader's and none of its cancellation; every caller waits
// on its own context and leaves as soon as that ends, without disturbing the
// load or the others.
package onefold
