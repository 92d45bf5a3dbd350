package detached

import "context"

// Launch starts a load of key that no caller waits for, unless there is a
// flight of key already, or a limit, Close or a key that is not equal to itself
// is in the way, and reports whether it did. Policy.Look is not asked.
//
// The load has the values of ctx, whether ctx has ended or not, and a goroutine
// of its own. Callers that come meanwhile join it; they leave it as they came:
// it is never cancelled because they have. Its panic is theirs; with none of
// them, Policy.Loaded hears of it and nobody else, unless there is a Crash.
func (t *Table[K, V]) Launch(ctx context.Context, key K, load func(context.Context, K) (V, error)) bool {
	caller := context.WithoutCancel(ctx) // so that it ends nothing under Whole either
	f := t.launch(caller, key, nil)
	if f == nil {
		return false
	}
	go t.run(f, caller, load)
	return true
}

// LaunchMany is Launch for keys that are loaded together, by as many loads as
// many.MaxKeys makes of them. It reports of each key whether it started its load:
// of a key that is there twice, of the first.
func (t *Table[K, V]) LaunchMany(ctx context.Context, keys []K, many *Many[K, V]) (started []bool) {
	for _, key := range keys {
		t.flights.Shard(key) // panics if the key has no equality, which it must not do half-way through
	}
	caller := context.WithoutCancel(ctx)
	started = make([]bool, len(keys))
	var bundles []*bundle[K, V] // that have a flight
	b := newBundle(t, many)
	for i, key := range keys {
		if started[i] = t.launch(caller, key, b) != nil; !started[i] {
			continue
		}
		if len(b.members) == 1 {
			bundles = append(bundles, b)
		}
		if len(b.members) == many.MaxKeys {
			b = newBundle(t, many)
		}
	}
	for _, b := range bundles {
		b.ctx.Collected()
		go b.run()
	}
	return started
}

// launch makes a flight of key that no caller waits for, in b unless that is nil,
// or gives nil.
func (t *Table[K, V]) launch(caller context.Context, key K, b *bundle[K, V]) *flightOf[K, V] {
	s, hash := t.flights.Shard(key)
	s.Lock()
	defer s.Unlock()
	if s.Closed || key != key || s.FindLocked(key, hash) != nil { //nolint:staticcheck // a NaN, see enter
		return nil
	}
	if limit, _ := t.admitLocked(s, b.hasTurn()); limit != "" {
		return nil
	}
	f := s.LaunchLocked(key, hash)
	f.X.keep = true
	t.beginLocked(f, caller, b)
	t.launched.Add(1)
	return f
}
