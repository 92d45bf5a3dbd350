package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/figures"
)

// cleaned is the report with texts that are safe to print. Traces, tables and
// hosts are named by others, and a terminal obeys control characters.
func cleaned(r *figures.Report) *figures.Report {
	c := *r
	texts := []*string{
		&c.Version, &c.Sentence, &c.Next, &c.Setup.Source, &c.Setup.Stream,
		&c.Machine.OS, &c.Machine.Arch, &c.Machine.Go, &c.Machine.Model,
	}
	c.Command, c.Notes, c.Results = slices.Clone(c.Command), slices.Clone(c.Notes), slices.Clone(c.Results)
	for i := range c.Command {
		texts = append(texts, &c.Command[i])
	}
	for i := range c.Notes {
		texts = append(texts, &c.Notes[i])
	}
	for i := range c.Results {
		res := &c.Results[i]
		texts = append(texts, &res.Strategy, &res.Title, &res.Prevents, &res.Misses)
	}
	for _, s := range texts {
		*s = clean(*s)
	}
	return &c
}

// clean writes what is not printable as its escape.
func clean(s string) string {
	var b strings.Builder
	for _, c := range strings.ToValidUTF8(s, "?") {
		switch {
		case c == '\n' || c == '\t':
			b.WriteByte(' ')
		case strconv.IsPrint(c):
			b.WriteRune(c)
		default:
			fmt.Fprintf(&b, `\u%04x`, c)
		}
	}
	return b.String()
}
