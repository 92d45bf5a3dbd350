// Package faults asks of the tests what they would find. It holds ways to get
// the library wrong, each with a name: what peers do, and what whoever writes
// it for the first time does. `make faults` builds each into the library in
// turn and fails unless a test fails.
//
// All of it is behind the build tag faults, since it takes minutes.
// CONTRIBUTING.md says how to add one.
package faults
