package driver_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A schema is as much of JSON Schema as that of SARIF uses.
type schema struct {
	Ref                  string             `json:"$ref"`
	Type                 any                `json:"type"`
	Definitions          map[string]*schema `json:"definitions"`
	Properties           map[string]*schema `json:"properties"`
	AdditionalProperties json.RawMessage    `json:"additionalProperties"`
	Required             []string           `json:"required"`
	Items                *schema            `json:"items"`
	MinItems             int                `json:"minItems"`
	UniqueItems          bool               `json:"uniqueItems"`
	Enum                 []any              `json:"enum"`
	Minimum              *float64           `json:"minimum"`
	Maximum              *float64           `json:"maximum"`
	Pattern              string             `json:"pattern"`
	Format               string             `json:"format"`
	AnyOf                []*schema          `json:"anyOf"`
	OneOf                []*schema          `json:"oneOf"`
}

// sarifSchema is the one that the standard has, as another tool's module keeps
// it for its tests.
func sarifSchema(t *testing.T) *schema {
	t.Helper()
	const module, file = "github.com/securego/gosec/v2@v2.29.0", "report/sarif/testdata/sarif-schema-2.1.0.json"
	cmd := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", module)
	cmd.Dir = tree(t, "go.mod", "module example.com/schema\n\ngo 1.24\n")
	cmd.Env = append(os.Environ(), "GOWORK=off")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	var at struct{ Dir string }
	if err := json.Unmarshal(out, &at); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(at.Dir, filepath.FromSlash(file)))
	if err != nil {
		t.Fatal(err)
	}
	s := new(schema)
	if err := json.Unmarshal(data, s); err != nil {
		t.Fatal(err)
	}
	if s.Definitions["result"] == nil {
		t.Fatal("the schema has no results")
	}
	return s
}

// check gives a sentence for each way in which v is not what s wants.
func (root *schema) check(s *schema, at string, v any) (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, at+": "+fmt.Sprintf(format, args...)) }
	if name, ok := strings.CutPrefix(s.Ref, "#/definitions/"); ok {
		return root.check(root.Definitions[name], at, v)
	} else if s.Ref != "" {
		fault("a reference to %s", s.Ref)
		return faults
	}
	if types, ok := s.Type.([]any); ok && !slices.ContainsFunc(types, func(t any) bool { return isType(t, v) }) || !ok && s.Type != nil && !isType(s.Type, v) {
		fault("%v is no %v", v, s.Type)
		return faults
	}
	if s.Enum != nil && !slices.Contains(s.Enum, v) {
		fault("%v is none of %v", v, s.Enum)
	}
	for _, choice := range [][]*schema{s.AnyOf, s.OneOf} {
		if choice != nil && !slices.ContainsFunc(choice, func(c *schema) bool { return len(root.check(c, at, v)) == 0 }) {
			fault("%v is none of the choices", v)
		}
	}
	switch v := v.(type) {
	case float64:
		if s.Minimum != nil && v < *s.Minimum || s.Maximum != nil && v > *s.Maximum {
			fault("%v is out of range", v)
		}
	case string:
		if s.Pattern != "" && !regexp.MustCompile(s.Pattern).MatchString(v) {
			fault("%q does not match %s", v, s.Pattern)
		}
		if u, err := url.Parse(v); strings.HasPrefix(s.Format, "uri") && (err != nil || s.Format == "uri" && !u.IsAbs()) {
			fault("%q is no %s", v, s.Format)
		}
	case []any:
		if len(v) < s.MinItems {
			fault("%d items, want %d or more", len(v), s.MinItems)
		}
		for i, item := range v {
			if s.Items != nil {
				faults = append(faults, root.check(s.Items, fmt.Sprintf("%s[%d]", at, i), item)...)
			}
			if s.UniqueItems && slices.ContainsFunc(v[:i], func(other any) bool { return reflect.DeepEqual(item, other) }) {
				fault("item %d is there twice", i)
			}
		}
	case map[string]any:
		for _, name := range s.Required {
			if _, ok := v[name]; !ok {
				fault("%s is missing", name)
			}
		}
		for name, value := range v {
			switch known := s.Properties[name]; {
			case known != nil:
				faults = append(faults, root.check(known, at+"."+name, value)...)
			case string(s.AdditionalProperties) == "false":
				fault("%s is not known", name)
			case len(s.AdditionalProperties) > 0 && s.AdditionalProperties[0] == '{':
				more := new(schema)
				if err := json.Unmarshal(s.AdditionalProperties, more); err != nil {
					fault("%v", err)
				}
				faults = append(faults, root.check(more, at+"."+name, value)...)
			}
		}
	}
	return faults
}

func isType(name, v any) bool {
	switch v := v.(type) {
	case nil:
		return name == "null"
	case bool:
		return name == "boolean"
	case float64:
		return name == "number" || name == "integer" && v == float64(int64(v))
	case string:
		return name == "string"
	case []any:
		return name == "array"
	default:
		return name == "object"
	}
}
