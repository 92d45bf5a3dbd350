package house

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A block is one fenced code block of a Markdown document.
type block struct {
	line  int    // of the opening fence, from 1
	info  string // what follows the opening fence: a language, perhaps "run"
	text  string // ends with a newline unless empty
	after bool   // only blank lines stand between this block and the one before
}

// split returns the fenced blocks of a document and the text around them. A
// fence is three backquotes or more, and ends at one at least as long; its
// indentation is taken off.
func split(markdown string) (all []block, prose string, err error) {
	var (
		open   *block
		fence  string
		indent string
		apart  = true // there was text since the last block
	)
	for i, line := range strings.Split(markdown, "\n") {
		bare := strings.TrimSpace(line)
		ticks := bare[:len(bare)-len(strings.TrimLeft(bare, "`"))]
		switch {
		case open == nil && len(ticks) >= 3:
			fence = ticks
			indent, _, _ = strings.Cut(line, "`")
			open = &block{line: i + 1, info: strings.TrimSpace(bare[len(ticks):]), after: !apart}
		case open == nil:
			prose += line + "\n"
			apart = apart || bare != ""
		case len(ticks) >= len(fence) && bare == ticks:
			all = append(all, *open)
			open, apart = nil, false
		default:
			open.text += strings.TrimPrefix(line, indent) + "\n"
		}
	}
	if open != nil {
		return nil, "", fmt.Errorf("line %d: the code block is not closed", open.line)
	}
	return all, prose, nil
}

var link = regexp.MustCompile(`\]\(([^)#\s]+)[^)]*\)`)

// Links returns the relative links of a document, without their fragments.
// What stands in code blocks is not a link.
func Links(markdown string) ([]string, error) {
	_, prose, err := split(markdown)
	var all []string
	for _, m := range link.FindAllStringSubmatch(prose, -1) {
		if !strings.Contains(m[1], ":") {
			all = append(all, m[1])
		}
	}
	return all, err
}

// An Example is a block of a document that a reader could run, and what the
// document says it prints.
type Example struct {
	Line   int    // of the opening fence, from 1
	Lang   string // "sh": one script; "console": commands after "$ "; "go": a whole program
	Text   string
	Want   string // expected standard output; a line "..." stands for any lines
	Checks bool   // whether Want was given
}

// Examples returns the examples of a document. With all, they are its every
// sh, console and go block; else those with the word "run" behind the language.
// A text block right behind one holds what it prints.
func Examples(markdown string, all bool) ([]Example, error) {
	found, _, err := split(markdown)
	if err != nil {
		return nil, err
	}
	var examples []Example
	for i, b := range found {
		words := strings.Fields(b.info)
		if len(words) == 0 {
			continue
		}
		marked := slices.Contains(words[1:], "run")
		switch lang := words[0]; {
		case lang == "sh" || lang == "console" || lang == "go":
			if !all && !marked {
				continue
			}
		case marked:
			return nil, fmt.Errorf("line %d: %q blocks cannot be run; want sh, console or go", b.line, lang)
		default:
			continue
		}

		e := Example{Line: b.line, Lang: words[0], Text: b.text}
		if e.Lang == "go" {
			e.Want, e.Checks = outputComment(b.text)
		}
		if i+1 < len(found) && found[i+1].after && found[i+1].info == "text" {
			if e.Lang == "console" || e.Checks {
				return nil, fmt.Errorf("line %d: the block says itself what it prints; drop the text block behind it", b.line)
			}
			e.Want, e.Checks = found[i+1].text, true
		}
		examples = append(examples, e)
	}
	return examples, nil
}

// outputComment returns what a program's "// Output:" comment says, as in the
// examples of package testing.
func outputComment(program string) (want string, ok bool) {
	for line := range strings.Lines(program) {
		text, comment := strings.CutPrefix(strings.TrimSpace(line), "//")
		text = strings.TrimPrefix(text, " ")
		switch first, begins := strings.CutPrefix(text, "Output:"); {
		case comment && begins:
			want, ok = "", true
			if first != "" {
				want = strings.TrimSpace(first) + "\n"
			}
		case comment && ok:
			want += text + "\n"
		case ok:
			return want, true
		}
	}
	return want, ok
}

// A Command is one command of an example.
type Command struct {
	Text   string
	Want   string
	Checks bool
}

// Commands returns what there is to run of an sh or console example: a script
// is one command, a console session one for each "$ ".
//
// Left out are the lines that fetch the project itself, since the copy at hand
// is what is tested, and "make test", since that is who is asking.
func (e Example) Commands() ([]Command, error) {
	if e.Lang == "sh" {
		var script strings.Builder
		for line := range strings.Lines(e.Text) {
			skip, err := skipped(line)
			if err != nil {
				return nil, err
			}
			if !skip {
				script.WriteString(line)
			}
		}
		if strings.TrimSpace(script.String()) == "" {
			return nil, nil
		}
		return []Command{{script.String(), e.Want, e.Checks}}, nil
	}

	var all []Command
	more, skipping := false, false // in a continued command; in the output of a skipped one
	for line := range strings.Lines(e.Text) {
		text, prompt := strings.CutPrefix(line, "$ ")
		switch {
		case more:
			all[len(all)-1].Text += line
			more = strings.HasSuffix(line, "\\\n")
		case prompt:
			skip, err := skipped(text)
			if err != nil {
				return nil, err
			}
			if skipping = skip; skip {
				continue
			}
			all = append(all, Command{Text: text, Checks: true})
			more = strings.HasSuffix(text, "\\\n")
		case skipping:
		case len(all) == 0:
			return nil, fmt.Errorf("the console block begins with %q, want a command after \"$ \"", strings.TrimSpace(line))
		default:
			all[len(all)-1].Want += line
		}
	}
	return all, nil
}

// skipped reports whether a line of a shell example is not run. A line that
// does more than what is left out is an error, lest the rest go untested.
func skipped(line string) (bool, error) {
	line, _, _ = strings.Cut(line, " #")
	switch words := strings.Fields(line); {
	case len(words) >= 2 && words[0] == "git" && words[1] == "clone":
		if len(words) == 3 || slices.Equal(words[3:], []string{"&&", "cd", "onefold"}) {
			return true, nil
		}
		return false, fmt.Errorf("%q: a git clone line is not run; put what follows on a line of its own", line)
	case len(words) == 3 && words[0] == "go" && (words[1] == "get" || words[1] == "install") && strings.HasPrefix(words[2], Module):
		return true, nil
	default:
		return slices.Equal(words, []string{"cd", "onefold"}) || slices.Equal(words, []string{"make", "test"}), nil
	}
}

// Matches reports whether got is what want says. Space at the ends of lines
// and of the whole does not count, and a line "..." in want stands for any
// lines, also none.
func Matches(got, want string) bool {
	return matchLines(trimmedLines(got), trimmedLines(want))
}

func matchLines(got, want []string) bool {
	if len(want) == 0 {
		return len(got) == 0
	}
	if want[0] != "..." {
		return len(got) > 0 && got[0] == want[0] && matchLines(got[1:], want[1:])
	}
	for i := range len(got) + 1 {
		if matchLines(got[i:], want[1:]) {
			return true
		}
	}
	return false
}

func trimmedLines(s string) []string {
	s = strings.TrimSpace(s)
	if s == "" {
		return nil
	}
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " \t\r")
	}
	return lines
}
