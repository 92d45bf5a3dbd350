// Run writes a generated trace to standard output:
//
//	go run ./advise/trace/tracegen/run -format combined -requests 1000000 | gzip > trace.gz
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/onefold-go/onefold/advise/trace"
	"github.com/onefold-go/onefold/advise/trace/tracegen"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	w := tracegen.Workload{}
	var (
		format  = flag.String("format", "csv", "how to write it, as trace.ParseFormat has it")
		dialect = flag.String("dialect", "", "plain, tsv, nginx-timed, arc, no-time or http, for formats that have it")
		example = flag.String("example", "", "user-profile, audit-check or tenant-config instead of the flags below")
		p50     = flag.Duration("p50", 20*time.Millisecond, "median of a load")
		p99     = flag.Duration("p99", 0, "99th percentile of a load; 0 for a constant one")
	)
	flag.IntVar(&w.Requests, "requests", 100_000, "how many accesses")
	flag.Uint64Var(&w.Seed, "seed", 1, "of all that is random")
	flag.Float64Var(&w.Rate, "rate", 1000, "arrivals a second")
	flag.IntVar(&w.Keys, "keys", 10_000, "how many keys")
	flag.Float64Var(&w.Skew, "skew", 0.9, "exponent of their Zipf law")
	flag.IntVar(&w.Clients, "clients", 1000, "how many clients")
	flag.IntVar(&w.Tenants, "tenants", 0, "how many tenants; 0 for none")
	flag.DurationVar(&w.TTL, "ttl", 0, "of what is written")
	flag.Float64Var(&w.Writes, "writes", 0, "share of writes")
	flag.Float64Var(&w.Deletes, "deletes", 0, "share of deletes")
	flag.DurationVar(&w.BurstEvery, "burst-every", 0, "how often many ask for one key at once")
	flag.IntVar(&w.BurstSize, "burst-size", 100, "how many")
	flag.DurationVar(&w.BurstWithin, "burst-within", 10*time.Millisecond, "within which time")
	flag.IntVar(&w.Warm, "warm", 0, "how many keys are asked for once at the start")
	flag.DurationVar(&w.WarmWithin, "warm-within", time.Second, "within which time")
	flag.DurationVar(&w.Resolution, "resolution", 0, "what times are cut to")
	flag.DurationVar(&w.Flush, "flush", 0, "how often stamps are taken; 0 for each access")
	flag.Float64Var(&w.Twice, "twice", 0, "share that is recorded twice")
	flag.IntVar(&w.Shuffle, "shuffle", 0, "how many lines late a line may be")
	flag.BoolVar(&w.Unique, "unique", false, "put a request's id into each key")
	flag.Float64Var(&w.HitShare, "hits", 0, "share that a cache in front answered")
	flag.Parse()

	w.Load = tracegen.Constant(*p50)
	if *p99 > 0 {
		w.Load = tracegen.LogNormal(*p50, *p99)
	}
	switch *example {
	case "":
	case "user-profile":
		w = tracegen.UserProfile(w.Seed, w.Requests)
	case "audit-check":
		w = tracegen.AuditCheck(w.Seed, w.Requests)
	case "tenant-config":
		w = tracegen.TenantConfig(w.Seed, w.Requests)
	default:
		return fmt.Errorf("-example is %q, want user-profile, audit-check or tenant-config", *example)
	}
	f, err := trace.ParseFormat(*format)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(os.Stdout, 1<<18)
	if err := tracegen.Write(out, f, tracegen.Dialect(*dialect), w); err != nil {
		return err
	}
	return out.Flush()
}
