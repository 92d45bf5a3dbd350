// Package advise says whether callers of a service should share loads: it
// replays a trace of what they asked for against a source that takes time, in
// each way that there is to serve them, and tells the simplest that does.
//
//	study, err := advise.New(advise.Config{TTL: 5 * time.Minute, Loader: &loader, Safety: replies})
//	for {
//		n, err := source.Read(records)
//		study.Add(records[:n])
//		...
//	}
//	report, err := study.Report(advise.Input{})
//	fmt.Println(report.Verdict.Sentence)
//
// The rule is to try the simpler fix first: coalescing is advised where it
// demonstrably adds something to a cache with jittered TTLs. Most workloads
// behind a cache with a fast loader do not need it, and No is a good answer. Two
// stampedes are kept apart: of the callers of one key, which share its expiry, so
// that only coalescing, early refresh or stale values help; and of many keys that
// expire together, where only jitter does.
//
// What the arms are, and the model behind them, is in package sim.
package advise
