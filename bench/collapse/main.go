// Command collapse shows what becomes of callers when coalescing does not work
// out: the answer may not be stored, the source fails, or the one load that all
// wait for is slow. It runs each way to coalesce against a source of its own
// and prints a table for each of the three.
//
//	go run ./bench/collapse                    all, about five minutes
//	go run ./bench/collapse -skip nginx -steady 2s
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	err := command(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "collapse:", err)
		os.Exit(1)
	}
}

// command runs what args ask for. Tables go to stdout, how far it is to stderr.
func command(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	p := defaultPlan
	flags := flag.NewFlagSet("collapse", flag.ContinueOnError)
	flags.SetOutput(stderr)
	var (
		only  = flags.String("only", "", "run contenders whose name begins with one of these, separated by commas")
		skip  = flags.String("skip", "", "leave out contenders whose name begins with one of these")
		page  = flags.String("page", "", "also write the tables, with the text around them, to this file")
		tries = flags.Int("tries", 3, "runs of each while the machine is busy with other things")
		note  = flags.String("note", "", "what the page is to say of how it was measured")
		raw   = flags.String("json", "", "also write all figures to this file")
	)
	flags.IntVar(&p.Callers, "callers", p.Callers, "callers at once")
	flags.DurationVar(&p.Steady, "steady", p.Steady, "how long callers go on after their first call")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("argument %q, want flags only", flags.Arg(0))
	}
	if p.Callers < 1 || *tries < 1 {
		return fmt.Errorf("-callers is %d and -tries is %d, want 1 or more", p.Callers, *tries)
	}
	chosen := choose(*only, *skip)
	if len(chosen) == 0 {
		return fmt.Errorf("-only %q and -skip %q leave no contender; names are %s", *only, *skip, names(contenders))
	}

	record := newRecord(p, *tries)
	record.Note = *note
	for _, sc := range scenarios {
		for _, c := range chosen {
			fmt.Fprintf(stderr, "%v: %s\n", sc, c.name)
			r, tried, err := p.playUndisturbed(ctx, c, sc, loopback(), *tries)
			if err != nil {
				return err
			}
			f := newFigures(r, p)
			f.Runs = tried
			record.Figures = append(record.Figures, f)
		}
	}
	return errors.Join(
		write(stdout, record.tables()),
		writeFile(*page, func(w io.Writer) error { return writePage(w, record, chosen) }),
		writeFile(*raw, func(w io.Writer) error {
			enc := json.NewEncoder(w)
			enc.SetIndent("", "\t")
			return enc.Encode(record)
		}),
	)
}

func write(w io.Writer, text string) error {
	_, err := io.WriteString(w, text)
	return err
}

// writeFile writes a file of this name, if there is a name, all of it or
// nothing.
func writeFile(name string, fill func(io.Writer) error) error {
	if name == "" {
		return nil
	}
	var b bytes.Buffer
	if err := fill(&b); err != nil {
		return err
	}
	return os.WriteFile(name, b.Bytes(), 0o644)
}

func choose(only, skip string) []contender {
	return slices.DeleteFunc(slices.Clone(contenders), func(c contender) bool {
		return only != "" && !hasPrefix(c.name, only) || skip != "" && hasPrefix(c.name, skip)
	})
}

// hasPrefix reports whether name begins with one of the parts of list.
func hasPrefix(name, list string) bool {
	return slices.ContainsFunc(strings.Split(list, ","), func(part string) bool {
		return strings.HasPrefix(strings.ToLower(name), strings.ToLower(strings.TrimSpace(part)))
	})
}

func names(cs []contender) string {
	quoted := make([]string, 0, len(cs))
	for _, c := range cs {
		quoted = append(quoted, fmt.Sprintf("%q", c.name))
	}
	return strings.Join(quoted, ", ")
}
