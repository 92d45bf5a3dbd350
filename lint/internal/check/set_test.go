package check_test

import (
	"strings"
	"testing"

	"github.com/onefold-go/onefold/lint/internal/check"
)

func TestSelect(t *testing.T) {
	all := []*check.Rule{{ID: "a", Default: true}, {ID: "b", Default: true}, {ID: "off"}}
	for _, c := range []struct {
		enable, disable string
		on              string
		unused          bool
	}{
		{"", "", "a b", true},
		{"off", "", "a b off", true},
		{"off off", "a", "b off", true},
		{"all", "", "a b off", true},
		{"all", "b unusedok", "a off", false},
		{"off", "all", "off", false},
		{"off unusedok", "all", "off", true},
		{"", "unusedok", "a b", false},
	} {
		s, err := check.Select(all, strings.Fields(c.enable), strings.Fields(c.disable))
		if err != nil {
			t.Errorf("enable %q, disable %q: %v", c.enable, c.disable, err)
			continue
		}
		var on []string
		for _, r := range s.On {
			on = append(on, r.ID)
		}
		if got := strings.Join(on, " "); got != c.on || s.Unused != c.unused {
			t.Errorf("enable %q, disable %q: %q, %t; want %q, %t", c.enable, c.disable, got, s.Unused, c.on, c.unused)
		}
	}
	for _, c := range []struct{ enable, disable, words string }{
		{"no", "", `there is no rule "no": the rules are a, b, off, unusedok`},
		{"", "no", `"no"`},
		{"a", "a", `"a" is both enabled and disabled`},
		{"all", "all", `"all" is both`},
	} {
		if _, err := check.Select(all, strings.Fields(c.enable), strings.Fields(c.disable)); err == nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("enable %q, disable %q: %v, want %s", c.enable, c.disable, err, c.words)
		}
	}
}

func TestSeverityText(t *testing.T) {
	for _, want := range []check.Severity{check.Error, check.Warning, check.Note} {
		text, err := want.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var got check.Severity
		if err := got.UnmarshalText(text); err != nil || got != want {
			t.Errorf("%s is read as %v, %v", text, got, err)
		}
	}
	var s check.Severity
	if err := s.UnmarshalText([]byte("no")); err == nil {
		t.Error("there is no severity no")
	}
}
