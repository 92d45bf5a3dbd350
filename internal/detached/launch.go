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
	s, hash := t.flights.Shard(key)
	s.Lock()
	if s.Closed || key != key || s.FindLocked(key, hash) != nil { //nolint:staticcheck // a NaN, see enter
		s.Unlock()
		return false
	}
	if limit, _ := t.admitLocked(s, false); limit != "" {
		s.Unlock()
		return false
	}
	f := s.LaunchLocked(key, hash)
	f.X.keep = true
	caller := context.WithoutCancel(ctx) // so that it ends nothing under Whole either
	t.beginLocked(f, caller, nil)
	s.Unlock()
	t.launched.Add(1)
	go t.run(f, caller, load)
	return true
}
