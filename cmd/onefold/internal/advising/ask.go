package advising

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/onefold-go/onefold/advise"
)

// Ask asks what is not answered yet, one question after the other, each with
// what the trace hints at beside it. An empty line leaves a question open; the
// end of in leaves all the rest. When ctx ends it gives up, and returns its error.
func Ask(ctx context.Context, in io.Reader, out io.Writer, safety *advise.Safety, evidence func(id string) []string) error {
	next := typed(in)
	asked := false
	for _, q := range advise.Questions() {
		reply := safety.Reply(q.ID)
		if reply.Answer != advise.Unknown {
			continue
		}
		if !asked {
			asked = true
			_, err := fmt.Fprint(out, "What a trace cannot tell. Answer yes or no, with a reason behind a colon if you\nlike; enter leaves a question open, and then nothing is advised.\n")
			if err != nil {
				return err
			}
		}
		if _, err := fmt.Fprintf(out, "\n%s\n", wrap(q.Text, 78, "")); err != nil {
			return err
		}
		for _, hint := range evidence(q.ID) {
			_, _ = fmt.Fprintf(out, "%s\n", wrap(hint, 74, "  - "))
		}
		for {
			_, _ = fmt.Fprint(out, "> ")
			text, err := next(ctx)
			if err != nil {
				_, _ = fmt.Fprintln(out)
				if errors.Is(err, io.EOF) {
					return nil
				}
				return err
			}
			answer, because, _ := strings.Cut(text, ":")
			switch strings.ToLower(strings.TrimSpace(answer)) {
			case "y", "yes":
				*reply = advise.Reply{Answer: advise.Yes, Because: strings.TrimSpace(because)}
			case "n", "no":
				*reply = advise.Reply{Answer: advise.No, Because: strings.TrimSpace(because)}
			case "", "?", "unknown":
			default:
				_, _ = fmt.Fprintln(out, "yes, no, or nothing; a reason comes behind a colon, as in  yes: reads only")
				continue
			}
			break
		}
	}
	return nil
}

// typed gives a function for the next line of in, which waits no longer than its
// context. A read of a terminal cannot be called off: the goroutine of one that
// is given up ends with the line, or with the process.
func typed(in io.Reader) func(context.Context) (string, error) {
	type line struct {
		text string
		err  error
	}
	lines := bufio.NewScanner(in)
	return func(ctx context.Context) (string, error) {
		read := make(chan line, 1)
		go func() {
			if lines.Scan() {
				read <- line{text: lines.Text()}
				return
			}
			read <- line{err: cmp.Or(lines.Err(), io.EOF)}
		}()
		select {
		case l := <-read:
			return l.text, l.err
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// wrap breaks a text into lines of at most width, the first after lead and the
// others as far in.
func wrap(text string, width int, lead string) string {
	var b strings.Builder
	b.WriteString(lead)
	indent := strings.Repeat(" ", len([]rune(lead)))
	at := 0
	for word := range strings.FieldsSeq(strings.ReplaceAll(text, " %", "\x00%")) { // no line begins with %
		word = strings.ReplaceAll(word, "\x00", " ")
		n := len([]rune(word))
		if at > 0 && at+1+n > width {
			b.WriteString("\n" + indent)
			at = 0
		}
		if at > 0 {
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += n
	}
	return b.String()
}
