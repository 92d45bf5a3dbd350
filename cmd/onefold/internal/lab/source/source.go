// Package source holds the slow things that the lab loads from: an embedded
// SQLite database, a PostgreSQL server, an HTTP server. Each load is genuine
// work; nothing here sleeps unless the user asked for trouble.
package source

import "context"

// A Source is a slow place that many callers want the same keys of. Its
// methods may be called at the same time from many goroutines.
type Source interface {
	// Load reads one key. When ctx ends first the error is an *EndedError.
	// A key the source does not hold gives ErrNoRecord.
	Load(ctx context.Context, key string) (Record, error)

	// Update changes the key's row, committed when it returns, and gives the
	// row's new version. A source that cannot be written returns ErrReadOnly.
	Update(ctx context.Context, key string) (version int64, err error)

	// String describes the source in a few words, without any secret.
	String() string

	Close() error
}

// A Record is the answer to one load: what a product page would show. The
// zero Record, with its Version of 0, is never a source's answer.
type Record struct {
	Key      string
	Version  int64 // of the row, 1 or more, one higher with each Update
	Name     string
	Category string
	Orders   int64 // order lines that hold the product
	Units    int64 // units sold over those lines
	Revenue  int64 // in cents
	Rank     int64 // by units within its category, 1 is best
	Size     int64 // bytes of the answer, for sources that have a body
}
