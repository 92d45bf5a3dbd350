package driver

import (
	"encoding/json"
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"unicode/utf16"

	"github.com/onefold-go/onefold/lint"
	"github.com/onefold-go/onefold/lint/internal/check"
	"github.com/onefold-go/onefold/lint/internal/wire"
)

// What is used here of SARIF 2.1.0.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool         `json:"tool"`
		Invocations []sarifInvocation `json:"invocations"`
		ColumnKind  string            `json:"columnKind"`
		Results     []sarifResult     `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version,omitempty"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID                   string         `json:"id"`
		ShortDescription     sarifText      `json:"shortDescription"`
		HelpURI              string         `json:"helpUri"`
		Help                 sarifText      `json:"help"`
		DefaultConfiguration sarifConfig    `json:"defaultConfiguration"`
		Properties           map[string]any `json:"properties"`
	}
	sarifConfig struct {
		Enabled bool   `json:"enabled"`
		Level   string `json:"level"`
	}
	sarifInvocation struct {
		ExecutionSuccessful        bool                `json:"executionSuccessful"`
		ToolExecutionNotifications []sarifNotification `json:"toolExecutionNotifications,omitempty"`
	}
	sarifNotification struct {
		Level          string    `json:"level"`
		Message        sarifText `json:"message"`
		AssociatedRule *struct {
			ID string `json:"id"`
		} `json:"associatedRule,omitempty"`
	}
	sarifResult struct {
		RuleID              string             `json:"ruleId"`
		RuleIndex           int                `json:"ruleIndex"`
		Level               string             `json:"level"`
		Message             sarifText          `json:"message"`
		Locations           []sarifLocation    `json:"locations"`
		RelatedLocations    []sarifLocation    `json:"relatedLocations,omitempty"`
		Fixes               []sarifFix         `json:"fixes,omitempty"`
		Suppressions        []sarifSuppression `json:"suppressions,omitempty"`
		BaselineState       string             `json:"baselineState,omitempty"`
		PartialFingerprints map[string]string  `json:"partialFingerprints"`
	}
	sarifText struct {
		Text     string `json:"text"`
		Markdown string `json:"markdown,omitempty"`
	}
	sarifLocation struct {
		ID               *int           `json:"id,omitempty"`
		Message          *sarifText     `json:"message,omitempty"`
		PhysicalLocation sarifPhysical  `json:"physicalLocation"`
		LogicalLocations []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifLogical struct {
		FullyQualifiedName string `json:"fullyQualifiedName"`
		Kind               string `json:"kind"`
	}
	sarifPhysical struct {
		ArtifactLocation sarifArtifact `json:"artifactLocation"`
		Region           sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI       string `json:"uri"`
		URIBaseID string `json:"uriBaseId,omitempty"`
	}
	sarifRegion struct {
		StartLine   int        `json:"startLine"`
		StartColumn int        `json:"startColumn"`
		EndLine     int        `json:"endLine"`
		EndColumn   int        `json:"endColumn"`
		Snippet     *sarifText `json:"snippet,omitempty"`
	}
	sarifFix struct {
		Description     sarifText     `json:"description"`
		ArtifactChanges []sarifChange `json:"artifactChanges"`
	}
	sarifChange struct {
		ArtifactLocation sarifArtifact      `json:"artifactLocation"`
		Replacements     []sarifReplacement `json:"replacements"`
	}
	sarifReplacement struct {
		DeletedRegion   sarifBytes `json:"deletedRegion"`
		InsertedContent sarifText  `json:"insertedContent"`
	}
	sarifBytes struct {
		ByteOffset int `json:"byteOffset"`
		ByteLength int `json:"byteLength"`
	}
	sarifSuppression struct {
		Kind          string         `json:"kind"`
		Justification string         `json:"justification"`
		Location      *sarifLocation `json:"location,omitempty"`
	}
)

const (
	sarifSchema   = "https://json.schemastore.org/sarif-2.1.0.json"
	sarifRoot     = "%SRCROOT%"
	sarifIdentity = "onefoldFinding/v1"
)

// SARIF prints the report in the form of SARIF 2.1.0, which code hosts and
// editors read. Files are named relative to the repository. What a comment or
// the baseline answers is in it as suppressed. version is that of the program,
// and may be empty.
func (r *Report) SARIF(w io.Writer, version string) error {
	s := sarifWriter{report: r, files: make(sources)}
	run := sarifRun{
		Tool: sarifTool{sarifDriver{
			Name:           "onefold vet",
			Version:        version,
			InformationURI: check.Pages + "README.md",
			Rules:          []sarifRule{},
		}},
		Invocations: []sarifInvocation{s.invocation()},
		ColumnKind:  "utf16CodeUnits",
		Results:     []sarifResult{},
	}
	index := make(map[string]int)
	for i, rule := range r.Rules {
		index[rule.ID] = i
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{
			ID:                   rule.ID,
			ShortDescription:     sarifText{Text: rule.Title},
			HelpURI:              rule.URL(),
			Help:                 sarifText{Text: "See " + rule.URL(), Markdown: "[What it finds, why it hurts and the fix](" + rule.URL() + ")"},
			DefaultConfiguration: sarifConfig{rule.Default, rule.Severity.String()},
			Properties:           map[string]any{"tags": []string{"concurrency", "caching"}, "problem.severity": problem(rule.Severity)},
		})
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		if at, ok := index[f.Rule]; ok {
			run.Results = append(run.Results, s.result(f, at))
		}
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(sarifLog{Schema: sarifSchema, Version: "2.1.0", Runs: []sarifRun{run}})
}

// problem is a severity as GitHub has it.
func problem(s lint.Severity) string {
	if s == lint.Note {
		return "recommendation"
	}
	return s.String()
}

type sarifWriter struct {
	report *Report
	files  sources
}

func (s sarifWriter) invocation() sarifInvocation {
	in := sarifInvocation{ExecutionSuccessful: len(s.report.Troubles) == 0}
	for _, t := range s.report.Troubles {
		n := sarifNotification{Level: "error", Message: sarifText{Text: t.Message}}
		if t.Package != "" {
			n.Message.Text = t.Package + ": " + t.Message
		}
		if t.Rule != "" {
			n.AssociatedRule = &struct {
				ID string `json:"id"`
			}{t.Rule}
		}
		in.ToolExecutionNotifications = append(in.ToolExecutionNotifications, n)
	}
	return in
}

func (s sarifWriter) result(f *Finding, rule int) sarifResult {
	at := s.location(f.Span)
	name := f.Package
	kind := "module"
	if f.Function != "" {
		name, kind = name+"."+f.Function, "function"
	}
	at.LogicalLocations = []sarifLogical{{name, kind}}
	res := sarifResult{
		RuleID:              f.Rule,
		RuleIndex:           rule,
		Level:               f.Severity.String(),
		Message:             sarifText{Text: f.Message},
		Locations:           []sarifLocation{at},
		PartialFingerprints: map[string]string{sarifIdentity: f.Fingerprint},
	}
	for i, rel := range f.Related {
		loc := s.location(rel.Span)
		loc.ID, loc.Message = &i, &sarifText{Text: rel.Message}
		res.RelatedLocations = append(res.RelatedLocations, loc)
	}
	for _, fix := range f.Fixes {
		res.Fixes = append(res.Fixes, s.fix(fix))
	}
	if f.Suppressed != nil {
		loc := s.location(f.Suppressed.Span)
		res.Suppressions = []sarifSuppression{{"inSource", f.Suppressed.Reason, &loc}}
	}
	if f.Known {
		res.BaselineState = "unchanged"
		res.Suppressions = []sarifSuppression{{"external", "it is in the baseline", nil}}
	}
	return res
}

func (s sarifWriter) fix(fix wire.Fix) sarifFix {
	out := sarifFix{Description: sarifText{Text: fix.Message}}
	for _, e := range fix.Edits {
		file := s.artifact(e.File)
		i := slices.IndexFunc(out.ArtifactChanges, func(c sarifChange) bool { return c.ArtifactLocation == file })
		if i < 0 {
			i = len(out.ArtifactChanges)
			out.ArtifactChanges = append(out.ArtifactChanges, sarifChange{ArtifactLocation: file})
		}
		c := &out.ArtifactChanges[i]
		c.Replacements = append(c.Replacements, sarifReplacement{sarifBytes{e.Start, e.End - e.Start}, sarifText{Text: e.New}})
	}
	return out
}

func (s sarifWriter) location(at wire.Span) sarifLocation {
	region := sarifRegion{
		StartLine:   max(at.Line, 1),
		StartColumn: s.column(at.File, at.Line, at.Column),
		EndLine:     max(at.EndLine, 1),
		EndColumn:   s.column(at.File, at.EndLine, at.EndColumn),
	}
	if line, ok := s.files.line(at.File, at.Line); ok {
		region.Snippet = &sarifText{Text: line}
	}
	return sarifLocation{PhysicalLocation: sarifPhysical{s.artifact(at.File), region}}
}

// column turns a column in bytes into one in UTF-16 code units.
func (s sarifWriter) column(file string, line, column int) int {
	if text, ok := s.files.line(file, line); ok && column-1 <= len(text) && column > 0 {
		return len(utf16.Encode([]rune(text[:column-1]))) + 1
	}
	return max(column, 1)
}

func (s sarifWriter) artifact(file string) sarifArtifact {
	if rel, ok := within(s.report.Root, file); ok {
		return sarifArtifact{(&url.URL{Path: rel}).EscapedPath(), sarifRoot}
	}
	return sarifArtifact{(&url.URL{Scheme: "file", Path: filepath.ToSlash(file)}).String(), ""}
}
