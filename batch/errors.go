package batch

import (
	"errors"
	"fmt"
	"slices"
)

// KeyErrors are the errors of single keys, for a load to return: those keys
// fail, each with its own error, and the others keep their values. A nil error
// in it is none. It may come wrapped; joined with another error it is a failure
// of all keys, as any other error is.
type KeyErrors[K comparable] map[K]error

// Error says how many keys failed, and gives the first of their errors in the
// order of the alphabet. It names no key.
func (e KeyErrors[K]) Error() string {
	var texts []string
	for _, err := range e {
		if err != nil {
			texts = append(texts, err.Error())
		}
	}
	switch len(texts) {
	case 0:
		return "batch: no key failed"
	case 1:
		return "batch: 1 key failed: " + texts[0]
	default:
		return fmt.Sprintf("batch: %d keys failed, one with: %s", len(texts), slices.Min(texts))
	}
}

// Unwrap gives the errors, in no order.
func (e KeyErrors[K]) Unwrap() []error {
	var errs []error
	for _, err := range e {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// split takes what a load returned apart: the errors of single keys, or the
// error of all.
func split[K comparable](err error) (each KeyErrors[K], all error) {
	for at := err; at != nil; at = errors.Unwrap(at) { // which does not look into what is joined
		if each, ok := at.(KeyErrors[K]); ok { //nolint:errorlint // the loop unwraps
			return each, nil
		}
	}
	return nil, err
}
