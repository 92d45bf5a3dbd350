package tier

import (
	"context"
	"sync"
	"time"
)

// tags is this process's copy of the tag table that processes share, for a
// cache that has a far tier with one. A copy that lags behind is safe for what
// is stored under it, which only looks older than it is; for what is read it is
// the bound on how long another process's invalidation may go unnoticed.
type tags struct {
	tagger Tagger // the deepest far tier's that is one; nil: none is
	tier   int
	poll   time.Duration
	budget time.Duration
	fences *fences
	turn   chan struct{} // holds one while somebody asks the tagger

	mu     sync.Mutex
	copy   *tagTable // guarded by mu, and never changed itself; nil: not known
	at     time.Time // guarded by mu; when the copy was asked for
	failed time.Time // guarded by mu; when the tagger last had no answer for a load, if there was none since
}

// A tagTable is a TagTable that is known.
type tagTable struct{ TagTable }

// noTagger is the table of a cache without any: nothing was invalidated in it,
// and nothing ever will be.
var noTagger = &tagTable{}

func (t *tagTable) epoch() uint64 {
	if t == nil {
		return 0
	}
	return t.Epoch
}

func (t *tagTable) seq() uint64 {
	if t == nil {
		return 0
	}
	return t.Seq
}

// admits reports whether what was stored under these is valid by t. Unknown
// means that it is not.
func (t *tagTable) admits(epoch, seq uint64, tags []string) bool {
	switch {
	case t == nil:
		return false
	case epoch == 0: // stored where the table was not known
		return len(tags) == 0 && t.Floor == 0
	case epoch != t.Epoch || seq < t.Floor:
		return false
	}
	for _, tag := range tags {
		if t.Gens[tag] > seq {
			return false
		}
	}
	return true
}

// table gives the copy, made anew if it is older than poll; nil when it is not
// to be had.
func (t *tags) table(ctx context.Context) *tagTable {
	if t.tagger == nil {
		return noTagger
	}
	if c, ok := t.recent(); ok {
		return c
	}
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return nil
	}
	if c, ok := t.recent(); ok { // somebody else has asked meanwhile
		return c
	}
	c := t.ask(ctx, t.tagger.Tags)
	if c == nil && ctx.Err() == nil {
		t.mu.Lock()
		t.failed = time.Now()
		t.mu.Unlock()
	}
	return c
}

// renew asks for the table because it may have changed. If it is not to be had,
// what has tags may be invalid.
func (t *tags) renew(ctx context.Context) {
	if t.ask(ctx, t.tagger.Tags) == nil {
		t.fences.dropTagged()
	}
}

// recent gives the copy, if it is recent enough; or nil, if the tagger has just
// had no answer: it costs one load its budget, not each of them.
func (t *tags) recent() (c *tagTable, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.copy != nil && time.Since(t.at) <= t.poll:
		return t.copy, true
	case !t.failed.IsZero() && time.Since(t.failed) <= t.budget:
		return nil, true
	default:
		return nil, false
	}
}

// bump invalidates tags, or everything, for all processes.
func (t *tags) bump(ctx context.Context, names []string) error {
	var failure error
	t.ask(ctx, func(ctx context.Context) (TagTable, error) {
		table, err := t.tagger.Bump(ctx, names...)
		failure = err
		return table, err
	})
	return failure
}

// ask gets a table from the tagger and makes it the copy. Whatever it says has
// been invalidated since the last one is invalidated here as well.
func (t *tags) ask(ctx context.Context, from func(context.Context) (TagTable, error)) *tagTable {
	ctx, cancel := context.WithTimeout(ctx, t.budget)
	defer cancel()
	t.mu.Lock()
	before := t.copy
	t.mu.Unlock()
	at := time.Now() // before: the copy is as old as the question
	table, err := from(ctx)
	if err != nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	old := t.copy
	back := old != nil && old.Epoch == table.Epoch && old.Seq > table.Seq
	if back && old != before {
		return old // an answer that was overtaken by another
	}
	t.copy, t.at, t.failed = &tagTable{table}, at, time.Time{}
	switch {
	case old == nil:
		if table.Seq > 0 { // entries may be from before any of it
			t.fences.dropAll()
		}
	case old.Epoch != table.Epoch || table.Floor > old.Floor || back: // back: it has lost what came after
		t.fences.dropAll()
	default:
		var changed []string
		for tag, gen := range table.Gens {
			if gen > old.Seq {
				changed = append(changed, tag)
			}
		}
		if len(changed) > 0 {
			t.fences.dropTags(changed...)
		}
	}
	return t.copy
}
