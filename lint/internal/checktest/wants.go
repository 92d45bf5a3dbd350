package checktest

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"text/scanner"

	"golang.org/x/tools/go/analysis/checker"
)

// A want is one text of a comment "// want `regexp` name:`regexp`": a finding on
// its line, or with a name a fact of an object that is declared there.
type want struct {
	name string
	re   *regexp.Regexp
	met  bool
}

// holdToWants compares what was found in a package with its comments.
func holdToWants(t *testing.T, act *checker.Action) {
	t.Helper()
	wants := make(map[string][]*want) // by file:line
	place := func(file string, line int) string { return fmt.Sprintf("%s:%d", filepath.Base(file), line) }
	for _, f := range act.Package.Syntax {
		for _, g := range f.Comments {
			for _, c := range g.List {
				_, text, ok := strings.Cut(c.Text, "// want ")
				if !ok {
					continue
				}
				at := act.Package.Fset.Position(c.Pos())
				list, err := parseWants(text)
				if err != nil {
					t.Fatalf("%s: %v", place(at.Filename, at.Line), err)
				}
				wants[place(at.Filename, at.Line)] = list
			}
		}
	}
	meet := func(at, name, text string) {
		t.Helper()
		for _, w := range wants[at] {
			if !w.met && w.name == name && w.re.MatchString(text) {
				w.met = true
				return
			}
		}
		// A fact that no comment asks for is nobody's business.
		if name == "" {
			t.Errorf("%s/%s: found, and not wanted: %s", act.Package.PkgPath, at, text)
		}
	}
	for _, d := range act.Diagnostics {
		at := act.Package.Fset.Position(d.Pos)
		meet(place(at.Filename, at.Line), "", d.Message)
	}
	for _, f := range act.AllObjectFacts() {
		if f.Object.Pkg() == act.Package.Types {
			at := act.Package.Fset.Position(f.Object.Pos())
			meet(place(at.Filename, at.Line), f.Object.Name(), fmt.Sprint(f.Fact))
		}
	}
	for at, list := range wants {
		for _, w := range list {
			if !w.met {
				t.Errorf("%s/%s: wanted, and not found: %s%q", act.Package.PkgPath, at, w.name, w.re)
			}
		}
	}
}

func parseWants(text string) (list []*want, err error) {
	var s scanner.Scanner
	s.Init(strings.NewReader(text))
	s.Mode = scanner.ScanIdents | scanner.ScanStrings | scanner.ScanRawStrings
	s.Error = func(*scanner.Scanner, string) {}
	name := ""
	for {
		switch tok := s.Scan(); tok {
		case scanner.EOF:
			if len(list) == 0 {
				return nil, fmt.Errorf("no regular expression in %q", text)
			}
			return list, nil
		case scanner.Ident:
			name = s.TokenText()
			if s.Scan() != ':' {
				return nil, fmt.Errorf("no colon behind %s in %q", name, text)
			}
		case scanner.String, scanner.RawString:
			pattern, err := strconv.Unquote(s.TokenText())
			if err != nil {
				return nil, err
			}
			re, err := regexp.Compile(pattern)
			if err != nil {
				return nil, err
			}
			list = append(list, &want{name: name, re: re})
			name = ""
		default:
			return nil, fmt.Errorf("%q stands in %q, want regular expressions in quotes", s.TokenText(), text)
		}
	}
}
