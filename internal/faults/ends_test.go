//go:build faults

package faults_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestGateTellsEndsApart tries faults of every kind on a module made for it.
func TestGateTellsEndsApart(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.com/m\n\ngo 1.26\n",
		"m.go":   "package m\n\n// Two is two, twice said.\nfunc Two() int { return 2 }\n\nfunc Wait() {}\n",
		"m_test.go": "package m\n\nimport \"testing\"\n\nfunc TestTwo(t *testing.T) {\n\tif Two() != 2 {\n\t\tt.Error(\"it is not\")\n\t}\n}\n\n" +
			"func TestWait(t *testing.T) {\n\tdone := make(chan bool)\n\tgo func() { Wait(); close(done) }()\n\t<-done\n}\n",
		"none/none.go": "package none\n",
	} {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("GOWORK", "off")

	two := fault{file: "m.go", old: "return 2", tests: []string{"."}}
	wait := fault{file: "m.go", old: "Wait() {}", tests: []string{"."}}
	for name, tt := range map[string]struct {
		base fault
		new  string
		end  end
		test string
		err  string
	}{
		"a wrong answer":        {base: two, new: "return 3", end: killed, test: "TestTwo"},
		"a panic in a test":     {base: two, new: "panic(3)", end: killed, test: "TestTwo"},
		"a panic elsewhere":     {base: wait, new: "Wait() { panic(3) }", end: killed, test: "TestWait"},
		"a hang":                {base: wait, new: "Wait() { for { _ = Two } }", end: hung, test: "TestWait"},
		"no difference":         {base: two, new: "return 1 + 1", end: survived},
		"no Go":                 {base: two, new: "return nil", err: "does not compile"},
		"text that moved":       {base: fault{file: "m.go", old: "return 4"}, err: "the code moved"},
		"text that is there 2x": {base: fault{file: "m.go", old: "func "}, err: "stands 2 times"},
		"no test":               {base: fault{file: "m.go", old: "return 2", tests: []string{"./none"}}, new: "return 2 ", err: "no tests"},
	} {
		t.Run(name, func(t *testing.T) {
			f := tt.base
			f.name, f.new = "sample", tt.new
			v, err := f.try(root, t.TempDir(), 2*time.Second)
			switch {
			case tt.err != "":
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want one that says %q", err, tt.err)
				}
			case err != nil:
				t.Error(err)
			case v.end != tt.end || v.test != tt.test:
				t.Errorf("%s by %q, want %s by %q", v.end, v.test, tt.end, tt.test)
			}
		})
	}
}
