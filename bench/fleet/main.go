// Command fleet measures tiers that processes share, side by side: real
// processes over a real redis-server or memcached, for each library and each
// kind of work. It counts loads and commands over the whole fleet.
//
//	go run ./bench/fleet                                      all, about half an hour
//	go run ./bench/fleet -only Onefold,rueidis -work closed -passes 1
//
// It starts the servers itself and runs itself once for each process.
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
	if os.Getenv(childEnv) != "" {
		childMain()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	err := command(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(1)
	}
}

// command runs what args ask for. Tables go to stdout, how far it is to stderr.
func command(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	p := defaultPlan
	flags := flag.NewFlagSet("fleet", flag.ContinueOnError)
	flags.SetOutput(stderr)
	var (
		only   = flags.String("only", "", "run contenders whose name begins with one of these, separated by commas")
		skip   = flags.String("skip", "", "leave out contenders whose name begins with one of these")
		work   = flags.String("work", "", "do the kinds of work whose name begins with one of these")
		engine = flags.String("engine", "", "redis or memcached; both if empty")
		passes = flags.Int("passes", 3, "how often everything runs; tables have the medians")
		note   = flags.String("note", "", "what the page is to say of how it was measured")
		page   = flags.String("page", "", "also write the tables, with the text around them, to this file")
		raw    = flags.String("json", "", "also write the figures of all runs to this file")
		from   = flags.String("from", "", "run nothing, and take the figures of these files, separated by commas: what a later one has of a server and a kind of work is instead of an earlier one's")
	)
	flags.IntVar(&p.Processes, "processes", p.Processes, "processes that share the server")
	flags.IntVar(&p.Goroutines, "goroutines", p.Goroutines, "callers in each process")
	flags.DurationVar(&p.Load, "load", p.Load, "how long the source takes")
	flags.DurationVar(&p.TTL, "ttl", p.TTL, "how long a value lives")
	flags.DurationVar(&p.Warm, "warm", p.Warm, "how long callers call before it counts")
	flags.DurationVar(&p.For, "for", p.For, "how long it counts")
	flags.DurationVar(&p.Lease, "lease", p.Lease, "how long a lease lasts whose holder is killed")
	flags.IntVar(&p.Rounds, "rounds", p.Rounds, "keys for which losers are woken, in each pass")
	flags.IntVar(&p.Kills, "kills", p.Kills, "holders killed in each pass")
	flags.StringVar(&p.Profile, "profile", "", "write a CPU profile of one process of each run to a file whose name begins so")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("argument %q, want flags only", flags.Arg(0))
	}
	if err := p.validate(); err != nil {
		return err
	}
	if *passes < 1 {
		return fmt.Errorf("-passes is %d, want 1 or more", *passes)
	}
	chosen := slices.DeleteFunc(slices.Clone(contenders), func(c contender) bool {
		return *only != "" && !hasPrefix(c.name, *only) || *skip != "" && hasPrefix(c.name, *skip) ||
			*engine != "" && c.engine.name != *engine
	})
	kinds := slices.DeleteFunc(slices.Clone(tasks), func(w task) bool { return *work != "" && !hasPrefix(w.Name, *work) })
	if len(chosen) == 0 || len(kinds) == 0 {
		return fmt.Errorf("-only %q, -skip %q, -engine %q and -work %q leave nothing to run", *only, *skip, *engine, *work)
	}

	var record *record
	var err error
	if *from != "" {
		record, err = readRecords(strings.Split(*from, ","))
	} else {
		record, err = p.runAll(ctx, chosen, kinds, *passes, stderr)
	}
	if err != nil {
		return err
	}
	if *note != "" {
		record.Note = *note
	}
	_, err = io.WriteString(stdout, record.tables())
	return errors.Join(err,
		writeFile(*page, func(w io.Writer) error { return writePage(w, record, chosen) }),
		writeFile(*raw, func(w io.Writer) error {
			enc := json.NewEncoder(w)
			enc.SetIndent("", "\t")
			return enc.Encode(record)
		}),
	)
}

// runAll runs contenders at tasks. Every pass has all contenders, so that a busy
// moment falls on all alike.
func (p plan) runAll(ctx context.Context, cs []contender, ts []task, passes int, stderr io.Writer) (*record, error) {
	record := newRecord(p, passes)
	for pass := range passes {
		for _, t := range ts {
			for _, c := range cs {
				if !c.does(t) {
					continue
				}
				fmt.Fprintf(stderr, "pass %d, %s, %s: %s\n", pass+1, t.Name, c.engine.name, c.name)
				f, err := p.run(ctx, c, t)
				if err != nil {
					return nil, fmt.Errorf("%s, %s, %s: %w", t.Name, c.engine.name, c.name, err)
				}
				f.Pass = pass + 1
				fmt.Fprintf(stderr, "\t%v\n", f)
				record.Runs = append(record.Runs, f)
			}
		}
	}
	return record, nil
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

// hasPrefix reports whether name begins with one of the parts of list.
func hasPrefix(name, list string) bool {
	return slices.ContainsFunc(strings.Split(list, ","), func(part string) bool {
		return strings.HasPrefix(strings.ToLower(name), strings.ToLower(strings.TrimSpace(part)))
	})
}
