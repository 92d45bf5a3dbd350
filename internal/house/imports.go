package house

import (
	"fmt"
	"slices"
	"strings"
)

// A Package is what the import table needs to know of one package. Its fields
// are those of go list -json; imports made by tests only are not among them.
type Package struct {
	ImportPath string
	Standard   bool
	Imports    []string // direct
	Deps       []string // direct and indirect
}

// A Rule says what the packages that match Path may import. Patterns are
// relative to [Module], "." being its root package; "x/..." matches x and all
// below it. An import that matches neither [Module] nor the standard library
// is third-party and is named in full.
type Rule struct {
	Path  string
	May   []string // direct imports of ours, beside the tree that Path covers
	Third []string // direct third-party imports; "..." allows all
	Never []string // must not be reached, not even through others
}

// public is what a program may import: all of ours but the root module's
// internal packages, which are not meant for it although Go would let it.
var public = []string{
	".", "adapters/...", "advise/...", "batch", "codec/...", "future", "keymutex", "lint/...",
	"mem", "memo", "peer/...", "record", "singleflight", "tier/...",
}

// library is the part of public that the root module holds.
var library = []string{
	".", "batch", "codec/...", "future", "keymutex", "mem", "memo", "peer/...", "record", "singleflight", "tier/...",
}

// live is all that serves calls beyond a bare group. The advisor simulates it
// and so must not contain it.
var live = []string{
	"adapters/...", "batch", "future", "keymutex", "mem", "memo", "peer/...", "singleflight", "tier/...",
}

// Table is the import table. The first rule whose Path matches a package
// applies, and a package that no rule matches is a fault: a new package is a
// new line here. All may import the standard library.
var Table = []Rule{
	{Path: ".", May: []string{"internal/..."}},
	{Path: "internal/...", May: []string{"internal/..."}},
	{Path: "future", May: []string{"internal/..."}},
	{Path: "keymutex", May: []string{"internal/..."}},
	{Path: "singleflight", May: []string{"internal/..."}},
	{Path: "memo", May: []string{"internal/..."}},
	{Path: "codec/...", May: []string{"internal/..."}, Third: []string{"google.golang.org/protobuf/..."}},
	{Path: "batch", May: []string{".", "internal/..."}, Never: []string{"tier", "peer/..."}},
	{Path: "tier/outage"},
	{Path: "tier", May: []string{".", "batch", "codec/...", "internal/..."}, Never: []string{"mem", "peer/...", "adapters/..."}},
	{
		Path: "mem", May: []string{".", "tier", "codec/...", "internal/..."},
		Third: []string{"github.com/maypok86/otter/v2"},
		Never: []string{"peer/...", "adapters/..."},
	},
	{Path: "peer/...", May: []string{".", "tier", "codec/...", "internal/..."}, Never: []string{"mem", "adapters/..."}},
	{Path: "record", May: []string{".", "internal/..."}, Never: live},
	{
		Path: "advise/trace/...", May: []string{"record", "internal/..."},
		Third: []string{"github.com/klauspost/compress/..."}, // gzip at twice the speed of the standard one, and zstd
		Never: live,
	},
	{Path: "advise/...", May: []string{"record", "internal/..."}, Never: live},
	{Path: "foldtest/...", May: slices.Concat(library, []string{"internal/..."})},

	// Each adapter is a module with one heavy dependency, perhaps in parts.
	{Path: "adapters/redis/...", May: library, Third: []string{"github.com/redis/rueidis/...", "github.com/sony/gobreaker/v2"}},
	{Path: "adapters/memcached/...", May: library, Third: []string{"github.com/sony/gobreaker/v2"}},
	{Path: "adapters/memberlist/...", May: library, Third: []string{"github.com/hashicorp/memberlist"}},
	{Path: "adapters/prometheus/...", May: library, Third: []string{"github.com/prometheus/client_golang/..."}},
	{Path: "adapters/otel/...", May: library, Third: []string{"go.opentelemetry.io/otel/..."}},
	{Path: "adapters/kube/...", May: library, Third: []string{"k8s.io/client-go/...", "k8s.io/apimachinery/...", "k8s.io/api/..."}},
	{Path: "adapters/oci/...", May: library},

	// The plugin of golangci-lint is a module of its own, for what it registers with.
	{
		Path: "lint/golangci/...", May: []string{"lint/..."},
		Third: []string{"golang.org/x/tools/...", "github.com/golangci/plugin-module-register/..."},
		Never: slices.Concat(library, []string{"internal/..."}),
	},

	// The analyzers know APIs by name, so they check code that uses any version.
	{Path: "lint/...", Third: []string{"golang.org/x/tools/..."}, Never: slices.Concat(library, []string{"internal/..."})},

	{Path: "cmd/onefold/internal/oracle", May: slices.Concat(public, []string{"cmd/onefold/...", "internal/server"}), Third: []string{"..."}},
	{Path: "cmd/onefold/...", May: public, Third: []string{"..."}},
	{Path: "examples/...", May: public, Third: []string{"..."}},
	{Path: "bench/...", May: slices.Concat(public, []string{"internal/server"}), Third: []string{"..."}},
}

// testOnly is what no package but testers may reach: it would end up in a
// user's binary. (A test's own imports are not looked at.)
var testOnly = []string{"testing", "testing/...", Module + "/foldtest/...", Module + "/lint/internal/checktest"}

// testers are what tests are written with.
var testers = []string{"foldtest/...", "lint/internal/checktest"}

// CheckImports holds pkgs, a whole import graph, to the table, and returns a
// sentence for each fault, in the order of pkgs.
func CheckImports(table []Rule, pkgs []Package) []string {
	standard := make(map[string]bool)
	for _, p := range pkgs {
		standard[p.ImportPath] = p.Standard
	}

	var faults []string
	fault := func(p Package, format string, args ...any) {
		faults = append(faults, p.ImportPath+" "+fmt.Sprintf(format, args...))
	}
	for _, p := range pkgs {
		self, ours := relative(p.ImportPath)
		if !ours {
			continue
		}
		i := slices.IndexFunc(table, func(r Rule) bool { return match(r.Path, self) })
		if i < 0 {
			fault(p, "has no rule: add one to Table in internal/house/imports.go")
			continue
		}
		rule := table[i]

		for _, imp := range p.Imports {
			rel, ours := relative(imp)
			switch {
			case ours && (matchAny(rule.May, rel) || sameTree(rule.Path, rel)):
			case !ours && (standard[imp] || matchAny(rule.Third, imp)):
			default:
				fault(p, "imports %s, which the rule for %q does not allow", imp, rule.Path)
			}
		}
		for _, dep := range p.Deps {
			if rel, ours := relative(dep); ours && matchAny(rule.Never, rel) {
				fault(p, "reaches %s, which the rule for %q forbids", dep, rule.Path)
			}
			if matchAny(testOnly, dep) && !matchAny(testers, self) {
				fault(p, "reaches %s, which is for tests", dep)
			}
		}
	}
	return faults
}

// sameTree reports whether to lies in the tree that rule covers: lint's
// analyzers import each other, cmd/onefold its own internal packages.
func sameTree(rule, to string) bool {
	return strings.HasSuffix(rule, "/...") && match(rule, to)
}

// relative returns path relative to [Module], and whether it is one of ours.
func relative(path string) (rel string, ours bool) {
	if path == Module {
		return ".", true
	}
	return strings.CutPrefix(path, Module+"/")
}

func matchAny(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return match(p, path) })
}

// match reports whether path is pattern or, for "x/...", x or below it.
func match(pattern, path string) bool {
	if pattern == "..." {
		return true
	}
	if tree, ok := strings.CutSuffix(pattern, "/..."); ok {
		return path == tree || strings.HasPrefix(path, tree+"/")
	}
	return path == pattern
}
