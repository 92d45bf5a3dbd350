package report

import (
	"strings"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/figures"
)

// A kind is one kind of error or wrong answer.
type kind[T any] struct {
	name  string
	means string
	count func(T) int64
	own   bool // an error of the caller's own making
}

var errorKinds = []kind[figures.Errors]{
	{"gave up", "the caller's own cancellation", func(e figures.Errors) int64 { return e.GaveUp }, true},
	{"late", "the caller's own deadline", func(e figures.Errors) int64 { return e.Deadline }, true},
	{"source", "the source failed", func(e figures.Errors) int64 { return e.Source }, false},
	{"timeout", "the load's own deadline", func(e figures.Errors) int64 { return e.LoadTimeout }, false},
	{"other", "any other error", func(e figures.Errors) int64 { return e.Other }, false},
}

var wrongKinds = []kind[figures.Wrong]{
	{"stale", "older than an invalidation acknowledged before the call began", func(w figures.Wrong) int64 { return w.Stale }, false},
	{"zero", "a zero value with a nil error", func(w figures.Wrong) int64 { return w.Zero }, false},
	{"key", "another key's value", func(w figures.Wrong) int64 { return w.Key }, false},
	{"foreign", "an error that is another caller's cancellation or deadline", func(w figures.Wrong) int64 { return w.Foreign }, false},
}

// occurring returns the kinds that any of the results has.
func occurring[T any](kinds []kind[T], results []figures.Result, of func(*figures.Result) T) []kind[T] {
	var out []kind[T]
	for _, k := range kinds {
		for i := range results {
			if k.count(of(&results[i])) != 0 {
				out = append(out, k)
				break
			}
		}
	}
	return out
}

// list writes the kinds that v has, each with its count: 14 stale, 3 foreign.
func list[T any](kinds []kind[T], v T) string {
	var parts []string
	for _, k := range kinds {
		if n := k.count(v); n != 0 {
			parts = append(parts, count(n)+" "+k.name)
		}
	}
	return strings.Join(parts, ", ")
}

func errorsOf(r *figures.Result) figures.Errors { return r.Errors }
func wrongOf(r *figures.Result) figures.Wrong   { return r.Wrong }
