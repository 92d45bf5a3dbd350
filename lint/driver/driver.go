// Package driver finds misused coalescing in the packages of a module or a
// workspace and tells of it: as text, JSON or SARIF, against a baseline, with
// fixes. It is what onefold vet does.
//
// It runs go vet, with a program that package vettool is the main function of
// as go vet's tool. So packages are found, built and cached as the go command
// does it, and what did not change is not looked at again; see
// docs/decisions/010-vet-runs-go-vet.md.
package driver

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/onefold-go/onefold/lint"
	"github.com/onefold-go/onefold/lint/internal/check"
	"github.com/onefold-go/onefold/lint/internal/wire"
)

// Options say what to check and how. The zero Options check the current
// directory's module with the default rules.
type Options struct {
	Dir      string   // where to begin; empty: the current directory
	Patterns []string // packages, as the go command knows them; none: ./...
	Tags     string   // build tags, separated by commas
	NoTests  bool     // leave out what is found in _test.go files

	// Enable and Disable change the set of rules: names that lint.Rules has,
	// or "all". What names a rule counts for more than "all".
	Enable, Disable []string

	// Tool is the program that go vet runs. It calls vettool.Main. Empty: this
	// program.
	Tool string

	// Rules are those that there are; nil: lint.Rules. They are the tool's.
	Rules []*lint.Rule

	// Progress is called again and again while the run goes on, from one
	// goroutine, which Run waits for. Nil: nobody wants to know.
	Progress func(Progress)
}

// A Progress is how far a run is.
type Progress struct {
	Done    int    // packages that were asked for and are checked, changed or not
	Looked  int    // packages that had to be looked at, those that they import among them
	Package string // the last of these
}

// A Report is what a run found.
type Report struct {
	Root     string       // the repository, as an absolute path: the directory above that has .git, go.work or go.mod
	Dir      string       // where the run began, as an absolute path
	Rules    []*lint.Rule // that were on, lint.UnusedOK among them if it was
	Packages int          // that were checked
	Findings []Finding    // by file and line; those that are answered as well
	Troubles []Trouble    // what kept packages from being checked, or rules from checking them

	modCache string
}

// A Finding is one place in the code that a rule has something to say of.
type Finding struct {
	wire.Finding

	// Fingerprint stays as it is when lines move: it is made of the rule, the
	// package, the function around, the call, and where these are the same,
	// a number.
	Fingerprint string `json:"fingerprint"`

	// Known says that the finding is in the baseline.
	Known bool `json:"known,omitempty"`
}

// Open says that nothing answers the finding: no comment and no baseline.
func (f *Finding) Open() bool { return f.Suppressed == nil && !f.Known }

// KeepOpen leaves out the findings that a comment or the baseline answers, for
// readers who would take them for open.
func (r *Report) KeepOpen() {
	r.Findings = slices.DeleteFunc(r.Findings, func(f Finding) bool { return !f.Open() })
}

// A Trouble is something that was not checked.
type Trouble struct {
	Package string `json:"package,omitempty"` // empty: the run itself
	Rule    string `json:"rule,omitempty"`    // the rule that failed; empty: all of them
	Message string `json:"message"`
	Detail  string `json:"detail,omitempty"` // such as a stack
}

// The codes that a program should end with.
const (
	ExitClean   = 0 // nothing was found
	ExitFound   = 1 // there are findings as grave as those that the user wants to fail on
	ExitUsage   = 2 // a flag or a value that cannot be
	ExitPartial = 3 // something was not checked, whatever was found in the rest
)

// ExitCode is the one that stands for the report, where findings count from the
// severity failOn upwards.
func (r *Report) ExitCode(failOn lint.Severity) int {
	if len(r.Troubles) > 0 {
		return ExitPartial
	}
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Open() && f.Severity <= failOn {
			return ExitFound
		}
	}
	return ExitClean
}

// ErrUsage is what [Run] wraps when the options cannot be.
var ErrUsage = errors.New("usage")

type usage struct{ error }

func (u usage) Is(target error) bool { return target == ErrUsage }
func (u usage) Unwrap() error        { return u.error }

// Run checks packages. What could not be checked is among the report's
// troubles; an error means that nothing was: options that cannot be, no go
// command, or a context that ended.
func Run(ctx context.Context, o Options) (*Report, error) {
	if o.Rules == nil {
		o.Rules = lint.Rules()
	}
	set, err := check.Select(o.Rules, o.Enable, o.Disable)
	if err != nil {
		return nil, usage{err}
	}
	if o.Dir, err = filepath.Abs(o.Dir); err != nil {
		return nil, err
	}
	if len(o.Patterns) == 0 {
		o.Patterns = []string{"./..."}
	}
	if o.Tool == "" {
		if o.Tool, err = os.Executable(); err != nil {
			return nil, fmt.Errorf("this program does not know where it is, so go vet cannot run it: %w", err)
		}
	}

	r := &Report{Root: rootOf(o.Dir), Dir: o.Dir, Rules: set.On}
	if set.Unused {
		r.Rules = append(slices.Clip(r.Rules), lint.UnusedOK)
	}
	v := &vet{Options: o}
	if err := v.run(ctx); err != nil {
		return nil, err
	}
	r.modCache = v.modCache
	found, packages := v.found()
	r.Packages, r.Troubles, r.Findings = packages, v.troubles, arrange(found, o.NoTests)
	return r, nil
}

// arrange puts findings in order, each once, and gives them fingerprints.
func arrange(found []wire.Finding, noTests bool) []Finding {
	slices.SortStableFunc(found, func(a, b wire.Finding) int {
		return cmp.Or(
			cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Message, b.Message),
		)
	})
	found = slices.CompactFunc(found, func(a, b wire.Finding) bool {
		return a.Rule == b.Rule && a.Span == b.Span && a.Message == b.Message
	})
	var all []Finding
	same := make(map[string]int)
	for _, f := range found {
		if noTests && strings.HasSuffix(f.File, "_test.go") {
			continue
		}
		h := sha256.Sum256([]byte(strings.Join([]string{f.Rule, f.Package, f.Function, f.Code}, "\x00")))
		print := hex.EncodeToString(h[:16])
		same[print]++
		all = append(all, Finding{Finding: f, Fingerprint: fmt.Sprintf("%s:%d", print, same[print])})
	}
	return all
}

// rootOf is the directory that paths are relative to where others read them.
func rootOf(dir string) string {
	for _, marks := range [][]string{{".git"}, {"go.work"}, {"go.mod"}} {
		for at := dir; ; at = filepath.Dir(at) {
			for _, mark := range marks {
				if _, err := os.Stat(filepath.Join(at, mark)); err == nil {
					return at
				}
			}
			if at == filepath.Dir(at) {
				break
			}
		}
	}
	return dir
}

// within gives path relative to dir, with slashes, and whether it lies there.
func within(dir, path string) (string, bool) {
	rel, err := filepath.Rel(dir, path)
	if err != nil || !filepath.IsLocal(rel) {
		return filepath.ToSlash(path), false
	}
	return filepath.ToSlash(rel), true
}

// path is a file's name as others read it: relative to the repository, or the
// whole where it is outside of it.
func (r *Report) path(file string) string {
	rel, _ := within(r.Root, file)
	return rel
}
