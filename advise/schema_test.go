package advise_test

import (
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/onefold-go/onefold/advise"
)

var update = flag.Bool("update", false, "rewrite testdata")

// TestSchema: whoever reads reports by their JSON can rely on the fields that
// they name. A field that goes, or changes its type, needs another Schema, and
// so another file; one that comes needs `go test ./advise -run Schema -update`.
func TestSchema(t *testing.T) {
	var lines []string
	var walk func(path string, typ reflect.Type)
	walk = func(path string, typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Pointer:
			walk(path, typ.Elem())
		case reflect.Slice:
			walk(path+"[]", typ.Elem())
		case reflect.Struct:
			if typ.PkgPath() == "time" {
				lines = append(lines, path+" "+typ.String())
				return
			}
			for f := range typ.Fields() {
				name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
				switch {
				case name == "-":
				case f.Anonymous && name == "":
					walk(path, f.Type)
				case name == "":
					t.Errorf("%s.%s has no name in JSON", typ, f.Name)
				default:
					walk(path+"."+name, f.Type)
				}
			}
		default:
			lines = append(lines, path+" "+typ.Kind().String())
		}
	}
	walk("", reflect.TypeFor[advise.Report]())
	got := strings.Join(lines, "\n") + "\n"
	name := "testdata/" + strings.ReplaceAll(advise.Schema, "/", "-") + ".txt"
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the report has other fields than %s says:\n%s", name, got)
	}
}
