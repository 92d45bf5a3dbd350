package source_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/source"
	"github.com/onefold-go/onefold/cmd/onefold/internal/pgtest"
)

func TestSQLite(t *testing.T) {
	dir := t.TempDir()
	testSQL(t, func(ctx context.Context, o source.Options) (*source.SQL, error) {
		o.Dir = dir
		return source.OpenSQLite(ctx, o)
	})
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("files left after Close: %v, %v", left, err)
	}
}

func TestPostgres(t *testing.T) {
	server := pgtest.Start(t)
	testSQL(t, func(ctx context.Context, o source.Options) (*source.SQL, error) {
		return source.OpenPostgres(ctx, server, o)
	})
	t.Run("CloseDropsOnlyItsOwn", func(t *testing.T) { testPostgresClose(t, server) })
	t.Run("CancelledWhileWaitingForALock", func(t *testing.T) { testPostgresLock(t, server) })
	t.Run("NoPassword", func(t *testing.T) { testPostgresPassword(t, server) })
	if left := namespaces(t, connect(t, server)); len(left) > 0 {
		t.Errorf("namespaces left after Close: %v", left)
	}
}

type opener func(context.Context, source.Options) (*source.SQL, error)

// testSQL is what every database must do.
func testSQL(t *testing.T, open opener) {
	t.Run("Size", func(t *testing.T) { testSize(t, open) })
	t.Run("LoadsAreWhatTheRowsSay", func(t *testing.T) { testLoads(t, open) })
	t.Run("SameSeedSameShop", func(t *testing.T) { testSeed(t, open) })
	t.Run("AnyKey", func(t *testing.T) { testAnyKey(t, open) })
	t.Run("Update", func(t *testing.T) { testUpdate(t, open) })
	t.Run("EndedContext", func(t *testing.T) { testEnded(t, open) })
	t.Run("EndedWhileOpening", func(t *testing.T) { testEndedOpening(t, open) })
	t.Run("ConcurrentVersionsNeverFall", func(t *testing.T) { testConcurrent(t, open) })
	t.Run("BadOptions", func(t *testing.T) { testBadOptions(t, open) })
}

// small is a shop for tests of what does not depend on its size.
func small(keys ...string) source.Options { return source.Options{Keys: keys, Rows: 600} }

func mustOpen(t *testing.T, open opener, o source.Options) *source.SQL {
	t.Helper()
	s, err := open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func testSize(t *testing.T, open opener) {
	s := mustOpen(t, open, source.Options{})
	var total int64
	for _, table := range []string{"categories", "products", "orders", "order_lines"} {
		rows, err := s.RawRows(t.Context(), "SELECT count(*) FROM shop."+table)
		if err != nil {
			t.Fatal(err)
		}
		total += number(rows[0][0])
	}
	if total < 100_000 || total != int64(s.Rows()) {
		t.Errorf("the shop has %d rows and Rows is %d, want the same and at least 100000", total, s.Rows())
	}
	if r, err := s.Load(t.Context(), s.Keys()[0]); err != nil || r.Orders == 0 || r.Units == 0 || r.Revenue == 0 {
		t.Errorf("Load = %+v, %v; want a product that was sold", r, err)
	}
}

// testLoads compares loads with a slow computation out of the raw rows.
func testLoads(t *testing.T, open opener) {
	s := mustOpen(t, open, source.Options{Rows: 5_000})
	shop := readShop(t, s)
	if len(s.Keys()) != len(shop.products) {
		t.Errorf("%d keys for %d products", len(s.Keys()), len(shop.products))
	}
	ranks := make(map[int64]bool)
	for i := 0; i < len(s.Keys()); i += 50 {
		key := s.Keys()[i]
		got, err := s.Load(t.Context(), key)
		if want := shop.record(key); err != nil || got != want {
			t.Errorf("Load = %+v, %v\nwant   %+v", got, err, want)
		}
		ranks[got.Rank] = true
	}
	if len(ranks) < 20 {
		t.Errorf("all these products have %d ranks: the comparison is too weak", len(ranks))
	}
	if got, err := s.Load(t.Context(), "no such key"); !errors.Is(err, source.ErrNoRecord) || got != (source.Record{}) {
		t.Errorf("Load of no such key = %+v, %v; want ErrNoRecord", got, err)
	}
}

func testSeed(t *testing.T, open opener) {
	shops := make([]*rawShop, 3)
	for i, seed := range []uint64{1, 1, 2} {
		o := small("a", "b")
		o.Seed = seed
		shops[i] = readShop(t, mustOpen(t, open, o))
	}
	if !slices.Equal(shops[0].lines, shops[1].lines) {
		t.Error("one seed made two shops")
	}
	if slices.Equal(shops[0].lines, shops[2].lines) {
		t.Error("two seeds made one shop")
	}
}

func testAnyKey(t *testing.T, open opener) {
	random := make([]byte, 9000) // longer than an entry of a btree may be, and not compressible
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range random {
		random[i] = byte(rng.Uint32())
	}
	keys := []string{
		"/a b?x=1", "/A b?x=1", "", " ", "Ω/日本", "it's", `"quoted"`, `\`, "'; DROP TABLE products; --", "$1", "%2F", "?1",
		"\x00", "\x00\x00", "a\x00b", "\xff\xfe", strings.Repeat("k", 2048), strings.Repeat("k", 2049), string(random), string(random[1:]),
		"SKU-000001", // as those of the shop's own
	}
	s := mustOpen(t, open, small(append(keys, keys[:3]...)...))
	if !slices.Equal(s.Keys(), keys) {
		t.Errorf("Keys = %q, want %q", s.Keys(), keys)
	}
	shop := readShop(t, s)
	for _, key := range keys {
		if got, err := s.Load(t.Context(), key); err != nil || got != shop.record(key) {
			t.Errorf("Load(%q) = %+v, %v; want %+v", key, got, err, shop.record(key))
		}
		if v, err := s.Update(t.Context(), key); v != 2 || err != nil {
			t.Errorf("Update(%q) = %d, %v; want 2, nil", key, v, err)
		}
	}
	if _, err := s.Load(t.Context(), "/A B?X=1"); !errors.Is(err, source.ErrNoRecord) {
		t.Errorf("Load of a key in another case: %v, want ErrNoRecord", err)
	}
}

func testUpdate(t *testing.T, open opener) {
	s := mustOpen(t, open, small("mine", "other"))
	before := readShop(t, s)
	for want := int64(2); want <= 5; want++ {
		if v, err := s.Update(t.Context(), "mine"); v != want || err != nil {
			t.Fatalf("Update = %d, %v; want %d, nil", v, err, want)
		}
		wantRecord := before.record("mine")
		wantRecord.Version = want
		if r, err := s.Load(t.Context(), "mine"); r != wantRecord || err != nil {
			t.Errorf("Load after the update = %+v, %v; want %+v", r, err, wantRecord)
		}
		after := readShop(t, s)
		if p, old := after.products["mine"], before.products["mine"]; want%2 == 0 && p.price != old.price-50 || want%2 == 1 && p.price != old.price {
			t.Errorf("version %d: the price is %d and was %d", want, p.price, old.price)
		}
		if p := after.products["other"]; p != before.products["other"] {
			t.Errorf("another product was changed to %+v", p)
		}
	}
	if v, err := s.Update(t.Context(), "nobody's"); v != 0 || !errors.Is(err, source.ErrNoRecord) {
		t.Errorf("Update of no such key = %d, %v; want 0, ErrNoRecord", v, err)
	}
}

var errMine = errors.New("the caller left")

// isMine reports whether err tells that a context ended with errMine.
func isMine(err error, wrapped error) bool {
	e, ok := errors.AsType[*source.EndedError](err)
	return ok && e.Cause == errMine && e.Err == wrapped && errors.Is(err, wrapped)
}

func testEnded(t *testing.T, open opener) {
	s := mustOpen(t, open, source.Options{Keys: []string{"k"}, Rows: 20_000})
	want, err := s.Load(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errMine)
	if r, err := s.Load(ctx, "k"); !isMine(err, context.Canceled) || r != (source.Record{}) {
		t.Errorf("Load with an ended context = %+v, %v; want an EndedError with the cause", r, err)
	}
	if _, err := s.Update(ctx, "k"); !isMine(err, context.Canceled) {
		t.Errorf("Update with an ended context: %v, want an EndedError with the cause", err)
	}

	// Contexts that end at any moment of a load: it answers, or it says whose
	// end it was.
	var stopped int
	for i := range 200 {
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Duration(i)*20*time.Microsecond, errMine)
		if r, err := s.Load(ctx, "k"); err != nil {
			stopped++
			if !isMine(err, context.DeadlineExceeded) || r != (source.Record{}) {
				t.Errorf("Load = %+v, %v; want an EndedError with the cause", r, err)
			}
		} else if r != want {
			t.Errorf("Load = %+v, want %+v", r, want)
		}
		cancel()
	}
	if stopped == 0 {
		t.Error("no load was stopped")
	}
	if r, err := s.Load(t.Context(), "k"); r != want || err != nil {
		t.Errorf("Load after all that = %+v, %v; want %+v", r, err, want)
	}
}

// testEndedOpening leaves nothing behind; the callers of testSQL look.
func testEndedOpening(t *testing.T, open opener) {
	for i := range 12 {
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Duration(i*i)*time.Millisecond, errMine)
		s, err := open(ctx, small("k"))
		if err == nil {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		} else if !isMine(err, context.DeadlineExceeded) || s != nil {
			t.Errorf("open = %v, %v; want an EndedError with the cause", s, err)
		}
		cancel()
	}
}

func testConcurrent(t *testing.T, open opener) {
	keys := []string{"a", "b", "c"}
	s := mustOpen(t, open, small(keys...))
	const readers, loads = 4, 20
	var (
		acknowledged      [3]atomic.Int64 // the least version that a load may see
		reading, updating sync.WaitGroup
		done              = make(chan struct{}) // closed when nobody reads any more
	)
	for i := range keys {
		acknowledged[i].Store(1)
		updating.Go(func() {
			for {
				v, err := s.Update(t.Context(), keys[i])
				if err != nil || v != acknowledged[i].Load()+1 {
					t.Errorf("Update = %d, %v; want %d", v, err, acknowledged[i].Load()+1)
					return
				}
				acknowledged[i].Store(v)
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for reader := range readers {
		reading.Go(func() {
			for n := range loads {
				i := (reader + n) % len(keys)
				least := acknowledged[i].Load()
				if r, err := s.Load(t.Context(), keys[i]); err != nil || r.Version < least {
					t.Errorf("Load = version %d, %v; want %d or more", r.Version, err, least)
				}
			}
		})
	}
	reading.Wait()
	close(done)
	updating.Wait()
	for i, key := range keys {
		want := acknowledged[i].Load()
		if r, err := s.Load(t.Context(), key); err != nil || r.Version != want {
			t.Errorf("in the end Load(%q) = version %d, %v; want %d", key, r.Version, err, want)
		}
		t.Logf("%d loads during %d updates of %q", readers*loads, want-1, key)
	}
}

func testBadOptions(t *testing.T, open opener) {
	s, err := open(t.Context(), source.Options{Rows: -1, Conns: -2})
	if s != nil || err == nil || !strings.Contains(err.Error(), "Rows is -1") || !strings.Contains(err.Error(), "Conns is -2") {
		t.Errorf("open = %v, %v; want an error that names both", s, err)
	}
}

// A rawShop is a shop read row by row, with everything computed in Go.
type rawShop struct {
	categories map[int64]string
	products   map[string]rawProduct
	lines      []rawLine
	sales      map[int64]rawSales // by product
}

type rawProduct struct {
	id, category, price, version int64
	name                         string
}

type rawLine struct{ product, quantity, price int64 }

type rawSales struct{ lines, units, revenue int64 }

func readShop(t *testing.T, s *source.SQL) *rawShop {
	t.Helper()
	query := func(q string) [][]any {
		rows, err := s.RawRows(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	shop := &rawShop{categories: make(map[int64]string), products: make(map[string]rawProduct), sales: make(map[int64]rawSales)}
	for _, row := range query("SELECT id, name FROM shop.categories") {
		shop.categories[number(row[0])] = row[1].(string)
	}
	for _, row := range query("SELECT sku, id, category_id, price, version, name FROM shop.products") {
		shop.products[string(row[0].([]byte))] = rawProduct{number(row[1]), number(row[2]), number(row[3]), number(row[4]), row[5].(string)}
	}
	for _, row := range query("SELECT product_id, quantity, unit_price FROM shop.order_lines ORDER BY id") {
		l := rawLine{number(row[0]), number(row[1]), number(row[2])}
		shop.lines = append(shop.lines, l)
		sold := shop.sales[l.product]
		shop.sales[l.product] = rawSales{sold.lines + 1, sold.units + l.quantity, sold.revenue + l.quantity*l.price}
	}
	return shop
}

func number(v any) int64 {
	switch v := v.(type) {
	case int32:
		return int64(v)
	case int64:
		return v
	}
	panic(fmt.Sprintf("%T is no number", v))
}

func (s *rawShop) record(key string) source.Record {
	p := s.products[key]
	sold := s.sales[p.id]
	r := source.Record{
		Key: key, Version: p.version, Name: p.name, Category: s.categories[p.category],
		Orders: sold.lines, Units: sold.units, Revenue: sold.revenue, Rank: 1,
	}
	for _, other := range s.products {
		if other.category == p.category && s.sales[other.id].units > sold.units {
			r.Rank++
		}
	}
	return r
}
