package main

import (
	"context"
	"errors"

	"github.com/viccon/sturdyc"
)

// A notStored carries an answer past a cache that keeps whatever is no error.
type notStored struct{ answer answer }

func (notStored) Error() string { return "the source forbids to store its answer" }

// smuggle makes an error of an answer that may not be stored.
func smuggle(a answer, err error) (answer, error) {
	if err == nil && a.noStore {
		return answer{}, notStored{a}
	}
	return a, err
}

// unpack is the way back.
func unpack(a answer, err error) (answer, error) {
	if kept, ok := errors.AsType[notStored](err); ok {
		return kept.answer, nil
	}
	return a, err
}

var sturdycContender = contender{
	name: "sturdyc",
	how:  "`GetOrFetch` with a time limit in the fetch function, as its README has it; an answer that may not be stored passes as an error",
	open: func(s setting) (opened, error) {
		// Without the eviction job, which nothing can end.
		cache := sturdyc.New[answer](capacity, 10, keep, 10, sturdyc.WithNoContinuousEvictions())
		return opened{get: s.patient(func(ctx context.Context, key string) (answer, error) {
			return unpack(cache.GetOrFetch(ctx, key, func(ctx context.Context) (answer, error) {
				ctx, cancel := context.WithTimeout(ctx, s.plan.LoadTimeout)
				defer cancel()
				return smuggle(s.load(ctx, key))
			}))
		})}, nil
	},
}
