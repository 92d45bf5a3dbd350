// Package house holds the checks on the repository itself: which package may
// import which, that the documents' commands and programs do what they say,
// and which test holds each statement of the specification.
//
// Its tests are the product; nothing else imports it.
package house

import (
	"errors"
	"os"
	"path/filepath"
)

// Module is the path of the root module; every package here begins with it.
const Module = "github.com/onefold-go/onefold"

// Root returns the directory of the working copy: the nearest one, from the
// current directory upwards, that holds go.work.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("house: no go.work in the current directory or above it")
		}
		dir = parent
	}
}
