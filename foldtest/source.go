package foldtest

import (
	"context"
	"maps"
	"runtime"
	"sync"
	"time"

	"github.com/onefold-go/onefold"
)

// A Source is what a cache loads from: a value by key, with figures of who
// loaded when, and loads that fail as a test wants.
//
// The zero Source holds nothing. Its field is set before first use, its methods
// may be called at the same time from many goroutines, and it must not be
// copied.
type Source[K comparable, V any] struct {
	// Make gives the values of keys that were never set. Nil means that there
	// are none.
	Make func(K) V

	mu      sync.Mutex
	values  map[K]V
	removed map[K]bool
	answers []Answer
	byKey   map[K][]Answer
	loads   map[K]int
	total   int
	active  int
	most    int
}

// An Answer is what becomes of a load. Its parts apply in the order of the
// fields from Delay on. It is a value; the zero Answer is what the Source holds.
type Answer struct {
	Times int // how many loads get it; zero means one, and less all

	Delay  time.Duration // holds up the load
	Gate   *Gate         // holds it up until the gate is open
	Hang   bool          // holds it up until its context ends
	Panic  any           // what the load panics with
	Goexit bool          // ends the load's goroutine
	Err    error         // fails the load
}

// Load gives what the source held for key when the load began, or
// [onefold.ErrNotFound]. It is the loader to give a cache.
func (s *Source[K, V]) Load(ctx context.Context, key K) (V, error) {
	value, answer, err := s.begin(key)
	defer s.end()
	var zero V
	f := Fault{Delay: answer.Delay, Gate: answer.Gate, Hang: answer.Hang}
	if err := f.suffer(ctx, nil); err != nil {
		return zero, err
	}
	if answer.Panic != nil {
		panic(answer.Panic)
	}
	if answer.Goexit {
		runtime.Goexit()
	}
	if answer.Err != nil {
		return zero, answer.Err
	}
	return value, err
}

func (s *Source[K, V]) begin(key K) (value V, answer Answer, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.loads == nil {
		s.loads = make(map[K]int)
	}
	s.loads[key]++
	s.total++
	s.active++
	s.most = max(s.most, s.active)

	if of := s.byKey[key]; len(of) > 0 {
		answer, s.byKey[key] = next(of)
	} else {
		answer, s.answers = next(s.answers)
	}
	value, ok := s.values[key]
	if !ok {
		if s.Make == nil || s.removed[key] {
			return value, answer, onefold.ErrNotFound
		}
		value = s.Make(key)
	}
	return value, answer, nil
}

func next(answers []Answer) (Answer, []Answer) {
	if len(answers) == 0 {
		return Answer{}, nil
	}
	first := answers[0]
	switch {
	case first.Times < 0:
	case first.Times > 1:
		answers[0].Times--
	default:
		answers = answers[1:]
	}
	return first, answers
}

func (s *Source[K, V]) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active--
}

// Set makes value what the source holds for key. Loads under way give what it
// held before.
func (s *Source[K, V]) Set(key K, value V) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.values == nil {
		s.values = make(map[K]V)
	}
	s.values[key] = value
}

// Remove makes the source hold nothing for key.
func (s *Source[K, V]) Remove(key K) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.values, key)
	if s.removed == nil {
		s.removed = make(map[K]bool)
	}
	s.removed[key] = true
}

// Answer gives the loads to come these answers, one after the other.
func (s *Source[K, V]) Answer(answers ...Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers = append(s.answers, answers...)
}

// AnswerFor gives the loads of key to come these answers, before those that are
// for any key.
func (s *Source[K, V]) AnswerFor(key K, answers ...Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byKey == nil {
		s.byKey = make(map[K][]Answer)
	}
	s.byKey[key] = append(s.byKey[key], answers...)
}

// Loads is how many loads have begun.
func (s *Source[K, V]) Loads() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}

// LoadsOf is how many loads of key have begun.
func (s *Source[K, V]) LoadsOf(key K) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.loads[key]
}

// LoadsByKey is how many loads of each key have begun.
func (s *Source[K, V]) LoadsByKey() map[K]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.loads)
}

// Active is how many loads are under way, and most how many there ever were at
// once.
func (s *Source[K, V]) Active() (now, most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.active, s.most
}
