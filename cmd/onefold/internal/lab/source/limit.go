package source

import (
	"context"
	"fmt"

	"golang.org/x/sync/semaphore"
)

// Limit returns src with at most n loads at once, as a connection pool does.
// Further loads wait, first come, first served, and leave when their context
// ends. Zero, or less, is no limit: it returns src.
//
// Updates are not counted: in the lab they stand for another process.
func Limit(src Source, n int) Source {
	if n <= 0 {
		return src
	}
	return &limited{Source: src, n: n, turn: semaphore.NewWeighted(int64(n))}
}

type limited struct {
	Source
	n    int
	turn *semaphore.Weighted
}

func (l *limited) Load(ctx context.Context, key string) (Record, error) {
	if l.turn.Acquire(ctx, 1) != nil {
		return Record{}, ended(ctx)
	}
	defer l.turn.Release(1)
	return l.Source.Load(ctx, key)
}

func (l *limited) String() string {
	return fmt.Sprintf("%v, at most %d loads at once", l.Source, l.n)
}
