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

	mu   sync.Mutex
	copy *tagTable // guarded by mu, and never changed itself; nil: not known
	at   time.Time // guarded by mu; when the copy was asked for
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
	if c := t.recent(); c != nil {
		return c
	}
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return nil
	}
	if c := t.recent(); c != nil { // somebody else has asked meanwhile
		return c
	}
	return t.renew(ctx)
}

// renew asks for the table.
func (t *tags) renew(ctx context.Context) *tagTable {
	return t.ask(ctx, func(ctx context.Context) (TagTable, error) { return t.tagger.Tags(ctx) })
}

func (t *tags) recent() *tagTable {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.copy == nil || time.Since(t.at) > t.poll {
		return nil
	}
	return t.copy
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
	at := time.Now() // before: the copy is as old as the question
	table, err := from(ctx)
	if err != nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	old := t.copy
	if old != nil && old.Epoch == table.Epoch && old.Seq > table.Seq {
		return old // an answer that was overtaken by another
	}
	t.copy, t.at = &tagTable{table}, at
	switch {
	case old == nil:
		if table.Seq > 0 { // entries may be from before any of it
			t.fences.dropAll()
		}
	case old.Epoch != table.Epoch || table.Floor > old.Floor:
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
