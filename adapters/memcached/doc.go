// Package memcached is a far tier in memcached: processes share what one of them
// has loaded, and a miss loads once for all of them.
//
//	store, err := memcached.New(memcached.Config{Servers: []string{"cache-1:11211"}, Prefix: "users:"})
//	far := tier.Encoded(store, codec.Int64Key[int64], codec.JSON[User]())
//	users, err := tier.New(db.User, tier.Config{Name: "users", TTL: 5 * time.Minute}, near, far)
//
// Close the caches before the store.
//
// It speaks the meta protocol of memcached 1.6 with a client of its own: of those
// that Go has, bradfitz/gomemcache does not know these commands,
// QuangTung97/go-memcache takes no context and has had no release since 2022, and
// none was found that binds a command to the connection that an earlier one went
// over, which a lease needs. There is nothing beside the standard library and a
// circuit breaker in here.
//
// # What is in memcached
//
// All there is of a key is in one item: the value, and who has the right to
// load it. So one command deletes it, whatever there is; the item's CAS is the
// fence; and nothing has to be kept in step with anything. On a miss memcached
// itself makes the item (the N flag of mg), for exactly one of those who ask;
// who won writes into it how long it may take. If it dies, the next one who asks
// after that replaces the item, by CAS, and so there is one successor, and the
// dead one's value is refused should it turn out to be alive.
//
// Times in items are those of the writer's clock, and held against memcached's
// own, which counts seconds: leases and TTLs end to the millisecond where clocks
// agree, and within a second where they do not, whatever they say.
//
// # What it cannot do
//
// memcached tells nobody of anything. Who waits for a load of another process
// asks again, at intervals that grow with the wait; see docs/memcached.md for
// what that costs. And the near tier of another process does not hear of a
// Delete: it serves what it has until its TTL is over, or, with tags, for
// tier.Config.TagPoll. Where that is too long, leave out the near tier, or use
// Redis.
package memcached
