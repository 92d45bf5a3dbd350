// Package redis is a far tier on Redis or Valkey: one server, Sentinel or
// Cluster. Behind a [tier.Cache] a miss of a key loads once for all processes
// that share the server, a load that was overtaken by a Delete stores nothing,
// and each process hears of what the others change.
//
//	store, err := redis.Open("redis://localhost:6379", redis.Options{Prefix: "shop"})
//	...
//	defer store.Close()
//	cache, err := tier.New(db.User, tier.Config{TTL: time.Minute},
//		near, tier.Encoded(store, codec.Int64Key[int64], codec.JSON[*User]()))
//
// docs/redis.md says what it writes, what it guarantees and what it does not.
package redis
