package main

import (
	"errors"
	"fmt"
	"time"
)

// A plan is what all runs have in common.
type plan struct {
	Processes  int           `json:"processes"`
	Goroutines int           `json:"goroutines"` // in each process
	Load       time.Duration `json:"load_ns"`    // how long the source takes
	TTL        time.Duration `json:"ttl_ns"`
	Warm       time.Duration `json:"warm_ns"` // callers call, and it does not count yet
	For        time.Duration `json:"for_ns"`

	// Slack is by how much an answer may be older than TTL, when it is asked
	// for, without being called stale: clocks of servers have steps, and some
	// libraries count from when the value is stored.
	Slack time.Duration `json:"slack_ns"`

	Lease  time.Duration `json:"lease_ns"` // of a holder that is killed
	Rounds int           `json:"rounds"`   // keys for which losers are woken
	Kills  int           `json:"kills"`    // holders killed

	Profile string `json:"-"`
}

var defaultPlan = plan{
	Processes:  4,
	Goroutines: 64,
	Load:       20 * time.Millisecond,
	TTL:        time.Second,
	Warm:       2 * time.Second,
	For:        5 * time.Second,
	Slack:      50 * time.Millisecond,
	Lease:      time.Second,
	Rounds:     25,
	Kills:      3,
}

func (p plan) validate() error {
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	fault(p.Processes < 1, "-processes is %d, want 1 or more", p.Processes)
	fault(p.Goroutines < 1, "-goroutines is %d, want 1 or more", p.Goroutines)
	fault(p.Load < 0, "-load is %v, want 0 or more", p.Load)
	fault(p.TTL < time.Second || p.TTL < 10*p.Load, "-ttl is %v, want a second or more, and ten loads", p.TTL)
	fault(p.Warm < 0, "-warm is %v, want 0 or more", p.Warm)
	fault(p.For <= 0, "-for is %v, want more than 0", p.For)
	fault(p.Lease < time.Second, "-lease is %v, want a second or more: memcached counts in seconds", p.Lease)
	fault(p.Rounds < 1, "-rounds is %d, want 1 or more", p.Rounds)
	fault(p.Kills < 1, "-kills is %d, want 1 or more", p.Kills)
	return errors.Join(faults...)
}

// A task is a kind of work.
type task struct {
	Name  string        `json:"name"`
	Keys  int           `json:"keys"`
	Think time.Duration `json:"think_ns"` // between a caller's calls, give or take a half
	kind  kind
}

// A kind is how a task is run.
type kind uint8

const (
	steady kind = iota // callers call again and again
	wake               // all call for a new key at the same instant, time and again
	kill               // the same, once, and whoever loads is killed
)

// The tasks there are.
var (
	closedLoop = task{Name: "closed loop", Keys: 1000}
	paced      = task{Name: "paced", Keys: 1000, Think: 10 * time.Millisecond}
	herd       = task{Name: "herd", Keys: 10, Think: 10 * time.Millisecond}
	wakeUp     = task{Name: "wake-up", kind: wake}
	killed     = task{Name: "holder killed", kind: kill}

	tasks = []task{closedLoop, paced, herd, wakeUp, killed}
)

func taskNamed(name string) (task, bool) {
	for _, t := range tasks {
		if t.Name == name {
			return t, true
		}
	}
	return task{}, false
}
