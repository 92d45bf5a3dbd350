// Package cache holds the benchmarks of caches side by side.
//
//	go test -bench . -count 6 ./bench/cache
//
// Each reports, beside the time that passed, the processor time of an
// operation, user and system together, which grows less when other programs
// have the processor.
package cache
