// Command early measures what a refresh before the expiry of a hot key costs:
// how many loads a value, and how many callers wait, where a number is drawn for
// each call (XFetch) and where one is drawn for each value. First it simulates
// them, then it lets real caches run.
//
//	go run ./bench/early
//	go run ./bench/early -for 5s -cycles 500
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
		fmt.Fprintln(os.Stderr, "early:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	p := defaultPlan
	flags := flag.NewFlagSet("early", flag.ContinueOnError)
	flags.SetOutput(stderr)
	cycles := flags.Int("cycles", 2000, "cycles of each simulation")
	page := flags.String("page", "", "write docs/early-refresh.md under this name")
	raw := flags.String("json", "", "write all figures to this file")
	flags.Uint64Var(&p.Seed, "seed", p.Seed, "of what is random in the simulation, and of when calls come in the live run")
	flags.DurationVar(&p.For, "for", p.For, "how long each live run lasts")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *cycles < 1 || p.For < time.Millisecond {
		return fmt.Errorf("-cycles %d, -for %v: want 1 or more, and 1ms or more", *cycles, p.For)
	}

	r := newRecord(p)
	for _, s := range scenarios(p, *cycles) {
		for _, w := range ways {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			fmt.Fprintf(stderr, "simulating %s: beta %g, %g calls a load\n", w.name, s.Beta, s.Rate)
			r.Simulated = append(r.Simulated, s.simulate(w))
		}
	}
	for _, who := range crowds {
		for _, c := range contenders {
			fmt.Fprintf(stderr, "running %s: %g calls a second for each of %d keys\n", c.name, who.Rate, who.Keys)
			m, err := p.play(ctx, c, who)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			r.Live = append(r.Live, m)
		}
	}
	_, err := io.WriteString(stdout, "Simulated\n\n"+r.Fixed()+"\n"+r.Varying()+"\nLive\n\n"+r.LiveTable())
	return errors.Join(
		err,
		writeFile(*page, func(w io.Writer) error { return pageTemplate.Execute(w, r) }),
		writeFile(*raw, func(w io.Writer) error {
			enc := json.NewEncoder(w)
			enc.SetIndent("", "\t")
			return enc.Encode(r)
		}),
	)
}

// scenarios are those of the page: TTL and load stand to each other as in the
// live run.
func scenarios(p plan, cycles int) (all []scenario) {
	ttl := float64(p.TTL) / float64(p.Load)
	rates := []float64{1, 10, 100, 1000}
	for _, beta := range []float64{0.5, 1, 2} {
		for _, rate := range rates {
			all = append(all, scenario{Rate: rate, Beta: beta, TTL: ttl, Cycles: cycles, Seed: p.Seed})
		}
	}
	for _, rate := range rates {
		all = append(all, scenario{Rate: rate, Beta: 1, TTL: ttl, Varies: true, Cycles: cycles, Seed: p.Seed})
	}
	return all
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
