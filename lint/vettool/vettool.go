// Package vettool is the program that go vet runs for each package: the main
// function of cmd/onefold-vet, and of any command that wants to be one as well.
package vettool

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/unitchecker"

	"github.com/onefold-go/onefold/lint"
	"github.com/onefold-go/onefold/lint/internal/check"
	"github.com/onefold-go/onefold/lint/internal/wire"
)

// Called says whether the arguments behind the program's name are those of the
// go command to a tool of go vet. A command that is something else besides asks
// this first, and calls [Main].
func Called(args []string) bool {
	if len(args) == 0 {
		return false
	}
	unit := strings.HasSuffix(args[len(args)-1], ".cfg") && (len(args) == 1 || strings.HasPrefix(args[0], "-"))
	return unit || strings.HasPrefix(args[0], "-V=") || args[0] == "-flags"
}

// Main checks one package, as the go command says in the program's arguments,
// and ends the program.
func Main() { Run(lint.Rules()) }

// Run is [Main] for other rules than [lint.Rules].
func Run(rules []*lint.Rule) {
	name, args := filepath.Base(os.Args[0]), os.Args[1:]
	fail := func(err error) {
		for line := range strings.Lines(err.Error()) {
			_, _ = fmt.Fprintf(os.Stderr, "%s: %s\n", name, strings.TrimSpace(line))
		}
		os.Exit(2)
	}
	if len(args) == 0 || args[0] == "-h" || args[0] == "-help" || args[0] == "--help" || args[0] == "help" {
		help(rules)
		os.Exit(0)
	}

	// The flags are among those of the program so that -flags lists them, and
	// read before unitchecker reads them all, as it must be told what to run.
	f := define(flag.CommandLine)
	if err := read(flag.CommandLine, args); err != nil {
		fail(err)
	}
	set, err := check.Select(rules, list(f.enable), list(f.disable))
	if err != nil {
		fail(err)
	}
	analyzer := set.Plain(f.notes)
	if f.report {
		analyzer = reporter(set)
	}
	analyzers := []*analysis.Analyzer{analyzer}
	if cfg := args[len(args)-1]; strings.HasSuffix(cfg, ".cfg") {
		unit, err := readUnit(cfg)
		if err != nil {
			fail(err)
		}
		unit.note()
		switch {
		case !unit.VetxOnly:
		case f.report || unit.ours():
			if os.Args[len(os.Args)-1], err = unit.asked(cfg); err != nil {
				fail(err)
			}
		default:
			analyzers = withFacts(analyzer)
		}
	}
	unitchecker.Main(analyzers...)
}

// flags are the program's own.
type flags struct {
	enable, disable string
	notes, report   bool
}

func define(set *flag.FlagSet) *flags {
	f := new(flags)
	set.StringVar(&f.enable, "enable", "", "rules to run beside those that are on by default, separated by commas; all for every one")
	set.StringVar(&f.disable, "disable", "", "rules not to run, separated by commas; all for those that -enable does not name")
	set.BoolVar(&f.notes, "notes", false, "print findings of severity note as well, which fail the build as all do")
	set.BoolVar(&f.report, wire.Report, false, "for onefold vet: print all that is known of each finding")
	return f
}

// read sets those flags of set that args hold, and leaves alone what set does
// not know, and what comes behind it.
func read(set *flag.FlagSet, args []string) error {
	for i := 0; i < len(args); i++ {
		name, value, has := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(args[i], "-"), "-"), "=")
		f := set.Lookup(name)
		if f == nil || !strings.HasPrefix(args[i], "-") {
			continue
		}
		if b, ok := f.Value.(interface{ IsBoolFlag() bool }); !has && ok && b.IsBoolFlag() {
			value = "true"
		} else if !has {
			if i++; i == len(args) {
				return fmt.Errorf("-%s has no value", name)
			}
			value = args[i]
		}
		if err := f.Value.Set(value); err != nil {
			return fmt.Errorf("-%s is %q: %w", name, value, err)
		}
	}
	return nil
}

func list(names string) []string {
	return strings.FieldsFunc(names, func(r rune) bool { return r == ',' || r == ' ' })
}

// A unit is what is read here of the go command's description of a package.
type unit struct {
	ImportPath                string
	ModulePath, ModuleVersion string
	VetxOnly                  bool // the package is not asked for: others import it

	all map[string]any
}

func readUnit(file string) (u unit, err error) {
	data, err := os.ReadFile(file)
	if err == nil {
		err = errors.Join(json.Unmarshal(data, &u), json.Unmarshal(data, &u.all))
	}
	if err != nil {
		return u, fmt.Errorf("the description of the package cannot be read: %w", err)
	}
	return u, nil
}

// ours says whether the package belongs to the module, or the workspace, that
// is worked on.
func (u unit) ours() bool { return u.ModulePath != "" && u.ModuleVersion == "" }

// asked writes a description beside file as if the package had been asked for.
// The go command, as of 1.26, keeps what we print of a package under one name,
// asked for or not: what we left out because it was not would be missing when
// it is, until the package changes.
func (u unit) asked(file string) (string, error) {
	u.all["VetxOnly"] = false
	data, err := json.Marshal(u.all)
	if err != nil {
		return "", err
	}
	file = strings.TrimSuffix(file, ".cfg") + ".asked.cfg"
	return file, os.WriteFile(file, data, 0o600)
}

// note tells who watches that the package is looked at.
func (u unit) note() {
	name := os.Getenv(wire.Watch)
	if name == "" {
		return
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return // nobody watches any more
	}
	_, err = file.WriteString(u.ImportPath + "\n")
	_ = errors.Join(err, file.Close())
}

// withFacts gives those among the analyzers that root requires that make facts:
// of a package that others import nothing else is wanted.
func withFacts(root *analysis.Analyzer) []*analysis.Analyzer {
	var (
		with []*analysis.Analyzer
		seen = make(map[*analysis.Analyzer]bool)
		walk func(a *analysis.Analyzer)
	)
	walk = func(a *analysis.Analyzer) {
		if seen[a] {
			return
		}
		seen[a] = true
		for _, r := range a.Requires {
			walk(r)
		}
		if len(a.FactTypes) > 0 {
			with = append(with, a)
		}
	}
	walk(root)
	return with
}

// reporter gives the analyzer whose only message is the whole of what was found,
// and that is its message also where that is nothing.
func reporter(set *check.Set) *analysis.Analyzer {
	return &analysis.Analyzer{
		Name:     wire.Analyzer,
		Doc:      "report findings of all rules to onefold vet",
		Requires: set.Requires(),
		Run: func(pass *analysis.Pass) (any, error) {
			found, failed := set.Gather(pass)
			message, err := json.Marshal(wire.Of(pass, found, failed))
			if err != nil {
				return nil, err
			}
			pass.Report(analysis.Diagnostic{Pos: pass.Files[0].Package, Message: string(message)})
			return nil, nil
		},
	}
}

func help(rules []*lint.Rule) {
	out := os.Stdout
	_, _ = fmt.Fprint(out, `onefold-vet is a tool of go vet that finds misused coalescing of loads:

  go vet -vettool=$(which onefold-vet) [flags] ./...

  -enable rules    run these beside those that are on by default; all for every one
  -disable rules   do not run these; all for those that -enable does not name
  -notes           print findings of severity note as well

Rules are separated by commas. A comment on the line, or above it, answers a
finding:

  //onefold:ok <rule> <reason>

`)
	for _, r := range append(rules, lint.UnusedOK) {
		on := ""
		if !r.Default {
			on = ", off by default"
		}
		_, _ = fmt.Fprintf(out, "  %-15s %s (%v%s)\n", r.ID, r.Title, r.Severity, on)
	}
	_, _ = fmt.Fprintf(out, "\nA page on each: %s<rule>.md\n", check.Pages)
}
