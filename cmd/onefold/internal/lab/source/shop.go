package source

import (
	"fmt"
	"math/rand/v2"
)

const (
	defaultRows = 100_000 // order lines
	minProducts = 2_000   // fewer keys than this: the catalogue is filled up with products of our own

	// A load reads a whole category, its products and their order lines. The
	// number of categories follows from the work that one load shall be, with
	// an order line as the unit.
	categoryWork = 2_400
	productWork  = 2.5 // a product's row, its index entries and its group, in order lines
)

// A shop is the rows that go into a database: a catalogue, and the orders of a
// year. A row's id is its index plus one. The rows are a function of the keys,
// the number of order lines and the seed.
//
// Every load costs about the same, so that the figures of the lab do not hang
// on which key is hot: shuffled products and order lines are dealt out to the
// categories like cards, so that two categories differ by one of each at most.
// Within a category the first products sell far better than the last, as in
// real shops.
type shop struct {
	keys       []string // what can be loaded: the keys given, or else every SKU
	categories []string
	products   []product
	orders     []order
	lines      []line
}

type product struct {
	sku      string
	name     string
	category int // index
	price    int // in cents
}

type order struct {
	customer int
	placedAt int // Unix seconds
}

type line struct {
	order, product int // indices
	quantity       int
	unitPrice      int // in cents
}

// newShop makes a shop that sells the keys, and has the number of order lines.
func newShop(keys []string, lines int, seed uint64) *shop {
	rng := rand.New(rand.NewPCG(seed, 0x0f01d))
	s := &shop{}
	s.addProducts(keys, lines, rng)
	s.addOrders(lines, rng)
	return s
}

func (s *shop) addProducts(keys []string, lines int, rng *rand.Rand) {
	seen := make(map[string]bool, max(len(keys), minProducts))
	add := func(sku string) {
		if !seen[sku] {
			seen[sku] = true
			s.products = append(s.products, product{sku: sku, name: productName(rng), price: 100 + rng.IntN(50_000)})
		}
	}
	for _, key := range keys {
		add(key)
	}
	given := len(s.products)
	for i := 1; len(s.products) < minProducts; i++ {
		add(fmt.Sprintf("SKU-%06d", i))
	}
	if given == 0 {
		given = len(s.products)
	}
	for _, p := range s.products[:given] {
		s.keys = append(s.keys, p.sku)
	}

	work := float64(lines) + productWork*float64(len(s.products))
	for i := range max(1, int(work/categoryWork)) {
		s.categories = append(s.categories, fmt.Sprintf("%s %d", departments[i%len(departments)], i/len(departments)+1))
	}
}

func (s *shop) addOrders(lines int, rng *rand.Rand) {
	// shelves[c] is the products of category c, the best seller first.
	shelves := make([][]int, len(s.categories))
	for i, p := range rng.Perm(len(s.products)) {
		c := i % len(shelves)
		s.products[p].category = c
		shelves[c] = append(shelves[c], p)
	}

	const (
		perOrder = 3
		opened   = 1_735_689_600 // 2025-01-01
		year     = 365 * 24 * 60 * 60
	)
	orders := (lines + perOrder - 1) / perOrder
	for i := range orders {
		s.orders = append(s.orders, order{customer: 1 + rng.IntN(20_000), placedAt: opened + i*year/orders})
	}

	var deal []int
	for i := range lines {
		if i%len(shelves) == 0 {
			deal = rng.Perm(len(shelves))
		}
		shelf := shelves[deal[i%len(shelves)]]
		u := rng.Float64()
		p := shelf[int(u*u*float64(len(shelf)))]
		s.lines = append(s.lines, line{
			order:     i / perOrder,
			product:   p,
			quantity:  1 + rng.IntN(6),
			unitPrice: s.products[p].price * (80 + rng.IntN(21)) / 100, // with a discount
		})
	}
}

func (s *shop) rows() int {
	return len(s.categories) + len(s.products) + len(s.orders) + len(s.lines)
}

// A table is one table's rows as a database driver wants them.
type table struct {
	name    string
	columns []string
	len     int
	row     func(i int) []any
}

func (s *shop) tables() []table {
	return []table{
		{"categories", []string{"id", "name"}, len(s.categories), func(i int) []any {
			return []any{i + 1, s.categories[i]}
		}},
		{"products", []string{"id", "sku", "category_id", "name", "price", "version"}, len(s.products), func(i int) []any {
			p := s.products[i]
			return []any{i + 1, []byte(p.sku), p.category + 1, p.name, p.price, 1}
		}},
		{"orders", []string{"id", "customer", "placed_at"}, len(s.orders), func(i int) []any {
			o := s.orders[i]
			return []any{i + 1, o.customer, o.placedAt}
		}},
		{"order_lines", []string{"id", "order_id", "product_id", "quantity", "unit_price"}, len(s.lines), func(i int) []any {
			l := s.lines[i]
			return []any{i + 1, l.order + 1, l.product + 1, l.quantity, l.unitPrice}
		}},
	}
}

var (
	departments = []string{"Kitchen", "Garden", "Office", "Lighting", "Bath", "Toys", "Sport", "Travel", "Music", "Tools"}
	looks       = []string{"Plain", "Folding", "Slim", "Heavy", "Round", "Tall", "Striped", "Quiet"}
	materials   = []string{"oak", "steel", "linen", "glass", "cork", "clay", "wool", "copper"}
	things      = []string{"lamp", "chair", "kettle", "shelf", "basket", "clock", "bowl", "hook", "tray", "box"}
)

func productName(rng *rand.Rand) string {
	pick := func(words []string) string { return words[rng.IntN(len(words))] }
	return pick(looks) + " " + pick(materials) + " " + pick(things)
}
