package house_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/onefold-go/onefold/internal/house"
)

// TestImportTable holds every package of every module to the import table.
func TestImportTable(t *testing.T) {
	root := root(t)
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Standard,Imports,Deps", "work")
	list.Dir = root
	var stderr bytes.Buffer
	list.Stderr = &stderr
	out, err := list.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", list, err, stderr.String())
	}

	var pkgs []house.Package
	ours := 0
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p house.Package
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(p.ImportPath, house.Module) {
			ours++
		}
		pkgs = append(pkgs, p)
	}
	if ours == 0 {
		t.Fatalf("%v listed no package of %s", list, house.Module)
	}
	for _, fault := range house.CheckImports(house.Table, pkgs) {
		t.Error(fault)
	}
	t.Logf("%d packages of ours held to the table, among %d in all", ours, len(pkgs))
}

// Each row breaks one line of the table, or comes close without breaking it.
func TestImportTableFindsFaults(t *testing.T) {
	const m = house.Module
	std := []string{"context", "testing", "testing/fstest"}

	for name, c := range map[string]struct {
		graph map[string][]string // imports of each package, leaves left out
		want  []string            // faults, shortened to "importer imported"
	}{
		"the core on internal": {graph: map[string][]string{m: {"context", m + "/internal/flight"}}},
		"the core on a sibling": {
			graph: map[string][]string{m: {m + "/keymutex"}},
			want:  []string{". keymutex"},
		},
		"the core on a third party": {
			graph: map[string][]string{m: {"golang.org/x/sync/errgroup"}},
			want:  []string{". golang.org/x/sync/errgroup"},
		},
		"internal on the core": {
			graph: map[string][]string{m + "/internal/flight": {m}},
			want:  []string{"internal/flight ."},
		},
		"future on the core":       {graph: map[string][]string{m + "/future": {m}}, want: []string{"future ."}},
		"keymutex on a sibling":    {graph: map[string][]string{m + "/keymutex": {m + "/future"}}, want: []string{"keymutex future"}},
		"singleflight on the core": {graph: map[string][]string{m + "/singleflight": {m}}, want: []string{"singleflight ."}},
		"memo on tier":             {graph: map[string][]string{m + "/memo": {m + "/tier"}}, want: []string{"memo tier"}},
		"batch on tier":            {graph: map[string][]string{m + "/batch": {m + "/tier"}}, want: []string{"batch tier", "batch tier"}},
		"tier on mem":              {graph: map[string][]string{m + "/tier": {m + "/mem"}}, want: []string{"tier mem", "tier mem"}},
		"mem on peer":              {graph: map[string][]string{m + "/mem": {m + "/peer"}}, want: []string{"mem peer", "mem peer"}},
		"mem on tier and otter":    {graph: map[string][]string{m + "/mem": {m + "/tier", "github.com/maypok86/otter/v2"}}},
		"mem on another cache": {
			graph: map[string][]string{m + "/mem": {"github.com/dgraph-io/ristretto"}},
			want:  []string{"mem github.com/dgraph-io/ristretto"},
		},
		"advise on tier, through record": {
			graph: map[string][]string{m + "/advise": {m + "/record"}, m + "/record": {m + "/tier"}},
			want:  []string{"advise tier", "record tier", "record tier"},
		},
		"an adapter on its dependency": {
			graph: map[string][]string{m + "/adapters/otel": {m, "go.opentelemetry.io/otel/metric", m + "/adapters/otel/internal/x"}},
		},
		"an adapter on another": {
			graph: map[string][]string{m + "/adapters/redis": {m + "/adapters/otel"}},
			want:  []string{"adapters/redis adapters/otel"},
		},
		"an adapter on a second dependency": {
			graph: map[string][]string{m + "/adapters/redis": {"github.com/spf13/cobra"}},
			want:  []string{"adapters/redis github.com/spf13/cobra"},
		},
		"an adapter on internal": {
			graph: map[string][]string{m + "/adapters/redis": {m + "/internal/flight"}},
			want:  []string{"adapters/redis internal/flight"},
		},
		"lint on its own parts":  {graph: map[string][]string{m + "/lint": {m + "/lint/sites", "golang.org/x/tools/go/analysis"}}},
		"lint on the library":    {graph: map[string][]string{m + "/lint": {m}}, want: []string{"lint .", "lint ."}},
		"the command on public":  {graph: map[string][]string{m + "/cmd/onefold": {m + "/tier", "github.com/spf13/cobra", m + "/cmd/onefold/internal/lab"}}},
		"the command on private": {graph: map[string][]string{m + "/cmd/onefold": {m + "/internal/flight"}}, want: []string{"cmd/onefold internal/flight"}},
		"foldtest on testing":    {graph: map[string][]string{m + "/foldtest": {"testing"}}},
		"the rules' tests":       {graph: map[string][]string{m + "/lint/internal/checktest": {"testing"}}},
		"a rule on its tests": {
			graph: map[string][]string{m + "/lint/internal/rules/ctxcapture": {m + "/lint/internal/checktest"}},
			want:  []string{"lint/internal/rules/ctxcapture lint/internal/checktest"},
		},
		"the plugin on the core": {
			graph: map[string][]string{m + "/lint/golangci": {m, m + "/lint"}},
			want:  []string{"lint/golangci .", "lint/golangci ."},
		},
		"testing in a package": {
			graph: map[string][]string{m + "/tier": {"testing"}},
			want:  []string{"tier testing"},
		},
		"testing through a third party": {
			graph: map[string][]string{m + "/cmd/onefold": {"example.com/x"}, "example.com/x": {"testing/fstest"}},
			want:  []string{"cmd/onefold testing/fstest"},
		},
		"foldtest in a command": {
			graph: map[string][]string{m + "/cmd/onefold": {m + "/foldtest"}},
			want:  []string{"cmd/onefold foldtest", "cmd/onefold foldtest"},
		},
		"a package without a rule": {
			graph: map[string][]string{m + "/newcomer": {"context"}},
			want:  []string{"newcomer no rule"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, fault := range house.CheckImports(house.Table, graph(c.graph, std)) {
				got = append(got, shorten(fault))
			}
			slices.Sort(got)
			if !slices.Equal(got, c.want) {
				t.Errorf("faults %q, want %q", got, c.want)
			}
		})
	}
}

// graph makes the packages that go list -deps would: imports' imports are
// among the Deps, and a package that is only imported has no entry of its own
// unless it is standard.
func graph(imports map[string][]string, standard []string) []house.Package {
	var deps func(path string) []string
	deps = func(path string) []string {
		var all []string
		for _, imp := range imports[path] {
			all = append(all, imp)
			all = append(all, deps(imp)...)
		}
		slices.Sort(all)
		return slices.Compact(all)
	}
	var pkgs []house.Package
	for _, path := range standard {
		pkgs = append(pkgs, house.Package{ImportPath: path, Standard: true})
	}
	for path, direct := range imports {
		pkgs = append(pkgs, house.Package{ImportPath: path, Imports: direct, Deps: deps(path)})
	}
	return pkgs
}

// shorten turns a fault's sentence into "importer imported".
func shorten(fault string) string {
	words := strings.Fields(fault)
	from, to := words[0], strings.TrimSuffix(words[2], ",")
	if words[1] == "has" {
		to = "no rule"
	}
	rel := func(path string) string {
		if path == house.Module {
			return "."
		}
		return strings.TrimPrefix(path, house.Module+"/")
	}
	return rel(from) + " " + rel(to)
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := house.Root()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
