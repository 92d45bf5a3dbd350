// Package sim replays a trace of requests against a source that takes time to
// load, once for each arm: a way to serve the requests, such as "a cache whose
// misses coalesce". It is an exact discrete-event simulation in nanoseconds.
//
//	trace, err := sim.NewTrace(sim.Setting{Loader: loader, Seed: 1})
//	trace.Request(t, key, sim.Draw)
//	out := trace.Run(sim.Arm{TTL: time.Minute}, sim.Arm{TTL: time.Minute, Coalesce: true})
//	saved := out[0].Loads - out[1].Loads
//
// # The model
//
//   - Requests come in the order of their times; equal times keep the order in
//     which they were given. Loads that end at an instant end before requests
//     of that instant.
//   - A request is a hit iff its time is less than the value's expiry. A value
//     expires a TTL after it was stored, which is when its load ended. The last
//     load to end sets the value.
//   - Each load draws its latency once. Jitter is symmetric: a TTL drawn evenly
//     from TTL*(1-j) to TTL*(1+j), so that arms with and without it compare.
//   - Early refresh fires iff t - delta*beta*ln(U) >= expiry, U in (0,1] drawn
//     for each request, delta what the load of the value took (XFetch). With
//     coalescing it is one load behind the caller, who has the old value;
//     without, the caller loads and waits, as in the paper.
//   - A stale value is given while t < expiry + W, with a load behind it.
//   - A bounded wait ends after w: the caller then loads for itself. Others do
//     not join that load; its value is stored.
//   - An invalidation drops the value. Loads that had begun before it serve
//     those who wait for them already, and are not stored.
//
// Every random number is a function of the seed, of what it is for, of the key,
// and of the how-manieth request of the key it belongs to. So all arms meet the
// same randomness, and to leave out keys, or to add some, changes nothing for
// the others. There is no limit to capacity: keys do not know each other.
//
// Times before the first request are not simulated, and neither are failed
// loads.
package sim
