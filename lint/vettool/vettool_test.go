package vettool_test

import (
	"strings"
	"testing"

	"github.com/onefold-go/onefold/lint/vettool"
)

// What the go command and people type; a command must not take one for the
// other.
func TestCalled(t *testing.T) {
	for args, want := range map[string]bool{
		"-V=full":                       true,
		"-flags":                        true,
		"/tmp/b001/vet.cfg":             true,
		"-json -notes /tmp/vet.cfg":     true,
		"":                              false,
		"vet ./...":                     false,
		"--version":                     false,
		"lab --json figures.cfg":        false,
		"vet --baseline /some/vet.json": false,
	} {
		if got := vettool.Called(strings.Fields(args)); got != want {
			t.Errorf("Called(%q) = %t, want %t", args, got, want)
		}
	}
}

func TestRead(t *testing.T) {
	for args, want := range map[string]string{
		"-enable=a,b -json vet.cfg":        "a,b  false",
		"-c 3 --enable a -disable b x.cfg": "a b false",
		"-notes -json x.cfg":               "  true",
		"-notes=false x.cfg":               "  false",
		"--notes=true --disable=b x.cfg":   " b true",
		"-unknown=-enable x.cfg":           "  false",
	} {
		got, err := vettool.Read(strings.Fields(args))
		if err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", args, got, err, want)
		}
	}
	for _, args := range []string{"-enable", "-notes=perhaps"} {
		if got, err := vettool.Read(strings.Fields(args)); err == nil {
			t.Errorf("%q: %q and no error", args, got)
		}
	}
}
