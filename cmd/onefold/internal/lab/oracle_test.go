package lab_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/figures"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/source"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/strategy"
)

// Strategies that are wrong on purpose: the oracle has to see each kind of
// wrong answer, and to see none where there is none.

// forgetful stores for ever and does not listen to invalidations.
var forgetful = kind("forgetful", func(load strategy.Load, _ strategy.Config) strategy.Strategy {
	var kept sync.Map
	return &simple{
		get: func(ctx context.Context, key string) (source.Record, error) {
			if r, ok := kept.Load(key); ok {
				return r.(source.Record), nil
			}
			r, err := load(ctx, key)
			if err == nil {
				kept.Store(key, r)
			}
			return r, err
		},
		put: func(key string, r source.Record) { kept.Store(key, r) },
	}
})

// silent answers every error with a zero value.
var silent = getting("silent", func(ctx context.Context, load strategy.Load, key string) (source.Record, error) {
	r, _ := load(ctx, key)
	return r, nil
})

// muddled loads b whatever it is asked for.
var muddled = getting("muddled", func(ctx context.Context, load strategy.Load, _ string) (source.Record, error) {
	return load(ctx, "b")
})

// canceled fails on its own account with an error that is not the caller's.
var canceled = getting("canceled", func(context.Context, strategy.Load, string) (source.Record, error) {
	return source.Record{}, context.Canceled
})

// late does so with another.
var late = getting("late", func(context.Context, strategy.Load, string) (source.Record, error) {
	return source.Record{}, context.DeadlineExceeded
})

// impatient gives each load less time than it takes.
var impatient = getting("impatient", func(ctx context.Context, load strategy.Load, key string) (source.Record, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTime/2)
	defer cancel()
	return load(ctx, key)
})

type timeoutError struct{}

func (timeoutError) Error() string { return "the load took too long" }
func (timeoutError) Timeout() bool { return true }

// bounded says so with an error of its own.
var bounded = getting("bounded", func(context.Context, strategy.Load, string) (source.Record, error) {
	return source.Record{}, timeoutError{}
})

// abandoning ends a load that callers still wait for.
var abandoning = getting("abandoning", func(ctx context.Context, load strategy.Load, key string) (source.Record, error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	cancel()
	return load(ctx, key)
})

var errStrange = errors.New("something else")

// strange fails in a way that nobody knows.
var strange = getting("strange", func(context.Context, strategy.Load, string) (source.Record, error) {
	return source.Record{}, errStrange
})

func TestOracleSeesEachKind(t *testing.T) {
	const calls = 20
	every := int64(calls)
	tests := []struct {
		kind   strategy.Kind
		fail   error
		errors figures.Errors
		wrong  figures.Wrong
	}{
		{kind: direct},
		{kind: forgetful},
		{kind: direct, fail: errors.New("broken pipe"), errors: figures.Errors{Source: every}},
		{kind: direct, fail: source.ErrInjected, errors: figures.Errors{Source: every}},
		{kind: direct, fail: timeoutError{}, errors: figures.Errors{Source: every}},
		{kind: silent, fail: source.ErrInjected, wrong: figures.Wrong{Zero: every}},
		{kind: muddled, wrong: figures.Wrong{Key: every / 2}},
		{kind: canceled, wrong: figures.Wrong{Foreign: every}},
		{kind: late, wrong: figures.Wrong{Foreign: every}},
		{kind: abandoning, wrong: figures.Wrong{Foreign: every}},
		{kind: impatient, errors: figures.Errors{LoadTimeout: every}},
		{kind: bounded, errors: figures.Errors{LoadTimeout: every}},
		{kind: strange, errors: figures.Errors{Other: every}},
	}
	for _, test := range tests {
		name := test.kind.Name
		if test.fail != nil {
			name += ", source: " + test.fail.Error()
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var src memory
				l, err := lab.Prepare(t.Context(), lab.Options{
					Stream: steady(calls, time.Millisecond, "a", "b"), Source: &src, Kinds: []strategy.Kind{test.kind},
					TTL: time.Second, Timeout: time.Second,
				})
				if err != nil {
					t.Fatal(err)
				}
				src.fail = test.fail
				report, err := l.Run(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				r := &report.Results[0]
				want(t, r, "Calls", r.Calls, every)
				want(t, r, "Errors", r.Errors, test.errors)
				want(t, r, "Wrong", r.Wrong, test.wrong)
				want(t, r, "Answers", r.Answers, every-test.errors.Total()-test.wrong.Foreign)
			})
		})
	}
}

// The callers' own ends are theirs, whatever the strategy shares.
func TestOracleTellsOwnEndsFromForeignOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := memory{takes: 200 * time.Millisecond}
		report := run(t, lab.Options{
			Stream: steady(2000, time.Millisecond, "a"), Source: &src,
			Kinds:  append([]strategy.Kind{direct}, bubbled("future", "singleflight", "dochan", "otter")...),
			Cancel: 0.5, Timeout: 300 * time.Millisecond, TTL: 100 * time.Millisecond, Seed: 7,
		})
		for i := range report.Results {
			r := &report.Results[i]
			shares := r.Strategy == "future" || r.Strategy == "singleflight"
			if r.Errors.GaveUp == 0 || (r.Wrong.Foreign > 0) != shares || r.Wrong.Total() != r.Wrong.Foreign {
				t.Errorf("%s: %s; want callers that gave up, and foreign errors: %v", r.Strategy, describe(r), shares)
			}
		}
	})
}

func TestOracleSeesDeadlinesOfTheCallersOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := memory{takes: time.Second}
		report := run(t, lab.Options{
			Stream: steady(10, time.Millisecond, "a"), Source: &src, Kinds: []strategy.Kind{direct},
			Timeout: time.Second / 2,
		})
		r := &report.Results[0]
		want(t, r, "Errors", r.Errors, figures.Errors{Deadline: 10})
		want(t, r, "Wrong", r.Wrong, figures.Wrong{})
		want(t, r, "Answers", r.Answers, 0)
	})
}

func TestOracleSeesStaleAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var src memory
		report := run(t, lab.Options{
			Stream: steady(1000, time.Millisecond, "a", "b"), Source: &src,
			Kinds:      []strategy.Kind{forgetful, direct},
			Invalidate: 20, Seed: 1,
		})
		stale, fresh := &report.Results[0], &report.Results[1]
		if stale.Wrong.Stale == 0 || stale.Wrong.Total() != stale.Wrong.Stale {
			t.Errorf("%s: %s; want stale answers and nothing else wrong", stale.Strategy, describe(stale))
		}
		want(t, fresh, "Wrong", fresh.Wrong, figures.Wrong{})
		want(t, fresh, "Answers", fresh.Answers, 1000)
		if fresh.Writes == 0 || fresh.Writes != stale.Writes {
			t.Errorf("Writes = %d and %d, want the same, more than 0", stale.Writes, fresh.Writes)
		}
	})
}

// An answer is stale only against an invalidation that was acknowledged before
// the call began: what is read while a write goes on may be either row.
func TestOracleForgivesWhatOverlaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var src memory
		slowToInvalidate := kind("slow to invalidate", func(load strategy.Load, _ strategy.Config) strategy.Strategy {
			var kept sync.Map
			return &simple{
				get: func(ctx context.Context, key string) (source.Record, error) {
					if r, ok := kept.Load(key); ok {
						return r.(source.Record), nil
					}
					r, err := load(ctx, key)
					if err == nil {
						kept.Store(key, r)
					}
					return r, err
				},
				invalidate: func(key string) error {
					time.Sleep(100 * time.Millisecond) // the old row is still answered
					kept.Clear()
					return nil
				},
			}
		})
		report := run(t, lab.Options{
			Stream: steady(100, 5*time.Millisecond, "a"), Source: &src, Kinds: []strategy.Kind{slowToInvalidate},
			Invalidate: 4, Seed: 3,
		})
		r := &report.Results[0]
		if r.Writes == 0 {
			t.Fatal("nothing was written: choose another seed")
		}
		want(t, r, "Wrong", r.Wrong, figures.Wrong{})
	})
}
