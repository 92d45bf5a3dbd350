// Command stampede lets keys that many callers want expire all at once, time
// and again, and counts how often each cache loads them, how many callers wait
// for a load, and for how long.
//
//	go run ./bench/stampede
//	go run ./bench/stampede -runs 5 -json stampede.json
package main

import (
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
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "stampede:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	p := defaultPlan
	flags := flag.NewFlagSet("stampede", flag.ContinueOnError)
	flags.SetOutput(stderr)
	only := flags.String("only", "", "run contenders whose name begins with this")
	runs := flags.Int("runs", 3, "how often each runs; the table has the medians")
	raw := flags.String("json", "", "also write the figures of all runs to this file")
	flags.IntVar(&p.Goroutines, "goroutines", p.Goroutines, "callers")
	flags.IntVar(&p.Keys, "keys", p.Keys, "keys")
	flags.DurationVar(&p.TTL, "ttl", p.TTL, "how long a value lives")
	flags.DurationVar(&p.For, "for", p.For, "how long each runs")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *runs < 1 || p.Goroutines < 1 || p.Keys < 1 || p.TTL < 10*p.Load {
		return fmt.Errorf("-runs %d, -goroutines %d, -keys %d, -ttl %v: want 1 or more of each, and a TTL of %v or more", *runs, p.Goroutines, p.Keys, p.TTL, 10*p.Load)
	}

	all := make(map[string][]figures)
	for run := range *runs { // every run has all contenders, so that a busy moment falls on all alike
		for _, c := range contenders {
			if !strings.HasPrefix(c.name, *only) {
				continue
			}
			fmt.Fprintf(stderr, "run %d: %s\n", run+1, c.name)
			f, err := p.play(ctx, c)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			all[c.name] = append(all[c.name], f)
		}
	}
	if len(all) == 0 {
		return fmt.Errorf("-only is %q, and no contender's name begins so", *only)
	}
	_, err := io.WriteString(stdout, table(all))
	if err == nil && *raw != "" {
		var text []byte
		if text, err = json.MarshalIndent(struct {
			Plan plan                 `json:"plan"`
			Runs map[string][]figures `json:"runs"`
		}{p, all}, "", "\t"); err == nil {
			err = os.WriteFile(*raw, append(text, '\n'), 0o644)
		}
	}
	return err
}

// table has a row for each contender, with the medians of its runs.
func table(all map[string][]figures) string {
	var b strings.Builder
	b.WriteString("| | calls | loads | loads an expiry | waited an expiry | waited | p99 | longest call | longest that did not wait |\n")
	b.WriteString("|---|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, c := range contenders {
		runs := all[c.name]
		if len(runs) == 0 {
			continue
		}
		fmt.Fprintf(&b, "| %s | %.0f | %.0f | %.2f | %.1f | %.2f %% | %s | %s | %s |\n", c.name,
			median(runs, func(f figures) float64 { return float64(f.Calls) }),
			median(runs, func(f figures) float64 { return float64(f.Loads) }),
			median(runs, figures.loadsAnExpiry),
			median(runs, figures.blockedAnExpiry),
			100*median(runs, figures.blockedShare),
			ms(median(runs, func(f figures) float64 { return float64(f.P99) })),
			ms(median(runs, func(f figures) float64 { return float64(f.Max) })),
			ms(median(runs, func(f figures) float64 { return float64(f.MaxHit) })))
	}
	return b.String()
}

func median(runs []figures, of func(figures) float64) float64 {
	values := make([]float64, 0, len(runs))
	for _, f := range runs {
		values = append(values, of(f))
	}
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

func ms(ns float64) string { return fmt.Sprintf("%.2f ms", ns/float64(time.Millisecond)) }
