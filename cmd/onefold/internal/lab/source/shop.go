package source

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

const (
	defaultRows = 100_000 // order lines
	minProducts = 2_000   // the catalogue is filled up to this with products of our own
	minutes     = 60 * 24 * 365

	// The work of one load is to read a whole category: its products, and
	// their order lines. The number of categories is chosen so that a
	// category holds about this many rows, whatever the number of keys.
	rowsPerCategory = 2_000
)

// A shop is the rows that are put into a database: a catalogue and the orders
// of a year. A row's id is its index plus one. It is a function of the keys,
// the number of order lines, and the seed.
//
// Every load costs about the same, so that a strategy's figures do not depend
// on which key is hot. Products are shuffled and then dealt out to the
// categories, and so are the order lines: categories differ by one product and
// one line at most. Within a category a few products sell far better than the
// rest, as in real shops.
type shop struct {
	keys       []string // what can be loaded: the keys given, or else all SKUs
	categories []string // names
	products   []product
	orders     []order
	lines      []line
}

type product struct {
	sku      string
	name     string
	category int // index
	price    int // cents
}

type order struct {
	customer int
	minute   int // of the year
}

type line struct {
	order, product      int // indices
	quantity, unitPrice int
}

func newShop(keys []string, rows int, seed uint64) *shop {
	if rows == 0 {
		rows = defaultRows
	}
	rng := rand.New(rand.NewPCG(seed, 0x5eed))
	s := &shop{}

	skus := catalogue(keys)
	s.keys = skus
	if len(keys) > 0 {
		s.keys = skus[:distinct(keys)]
	}
	return s
}
