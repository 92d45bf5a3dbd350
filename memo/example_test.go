package memo_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/memo"
	"github.com/onefold-go/onefold/tier"
)

// A phoneBook is the source of these examples.
type phoneBook map[string]string

func (b phoneBook) find(_ context.Context, name string) (string, error) {
	fmt.Println("looking up", name)
	return b[name], nil
}

// Each HTTP request gets a memo; handlers need not know.
func ExampleWith() {
	var numbers memo.Table[string, string]
	book := phoneBook{"ada": "1815"}

	withMemo := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(memo.With(r.Context(), memo.Config{})))
		})
	}
	handler := withMemo(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for range 2 {
			number, _ := numbers.Get(r.Context(), "ada", book.find)
			fmt.Fprintln(w, number)
		}
	}))

	for range 2 {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		fmt.Println(strings.Fields(w.Body.String()))
	}
	// Output:
	// looking up ada
	// [1815 1815]
	// looking up ada
	// [1815 1815]
}

// newPhones makes a cache of the book's numbers, and a View of it.
func newPhones(book phoneBook) (*tier.Cache[string, string], *memo.View[string, string]) {
	phones, err := tier.New(book.find, tier.Config{}, mem.New[string, string](mem.Config{}))
	if err != nil {
		panic(err)
	}
	return phones, memo.Over(phones)
}

// Somebody else changes a number while a request is under way. The request has
// one answer from first to last.
func ExampleView_Get() {
	book := phoneBook{"ada": "1815"}
	phones, view := newPhones(book)

	ctx := memo.With(context.Background(), memo.Config{})
	number, _ := view.Get(ctx, "ada")
	fmt.Println("at first:", number)

	book["ada"] = "1852"
	_ = phones.Delete(context.Background(), "ada")

	number, _ = view.Get(ctx, "ada")
	fmt.Println("later:", number)

	number, _ = view.Get(memo.With(context.Background(), memo.Config{}), "ada")
	fmt.Println("another request:", number)
	// Output:
	// looking up ada
	// at first: 1815
	// later: 1815
	// looking up ada
	// another request: 1852
}

// A request that writes reads what it wrote.
func ExampleView_Write() {
	book := phoneBook{"ada": "1815"}
	_, view := newPhones(book)

	ctx := memo.With(context.Background(), memo.Config{})
	number, _ := view.Get(ctx, "ada")
	fmt.Println(number)

	err := view.Write(ctx, "ada", func(context.Context) error {
		book["ada"] = "1852"
		return nil
	})
	number, _ = view.Get(ctx, "ada")
	fmt.Println(number, err)
	// Output:
	// looking up ada
	// 1815
	// looking up ada
	// 1852 <nil>
}

func ExampleView_Delete() {
	book := phoneBook{"ada": "1815", "grace": "1906"}
	_, view := newPhones(book)

	ctx := memo.With(context.Background(), memo.Config{})
	_, _ = view.Get(ctx, "ada")
	_, _ = view.Get(ctx, "grace")
	fmt.Println(view.Delete(ctx, "ada"))
	_, _ = view.Get(ctx, "ada")
	_, _ = view.Get(ctx, "grace")
	// Output:
	// looking up ada
	// looking up grace
	// <nil>
	// looking up ada
}

// A View knows nothing of a Set: the request that calls it forgets as well.
func ExampleView_Forget() {
	phones, view := newPhones(phoneBook{"ada": "1815"})

	ctx := memo.With(context.Background(), memo.Config{})
	_, _ = view.Get(ctx, "ada")
	_ = phones.Set(ctx, "ada", tier.Loaded[string]{Value: "1852"})
	view.Forget(ctx, "ada")

	number, _ := view.Get(ctx, "ada")
	fmt.Println(number)
	// Output:
	// looking up ada
	// 1852
}

// Two packages may memoize under equal keys: each Table is a space of its own.
func ExampleTable_Get() {
	var numbers, streets memo.Table[string, string]
	phones := phoneBook{"ada": "1815"}
	addresses := phoneBook{"ada": "St James's Square"}

	ctx := memo.With(context.Background(), memo.Config{})
	for range 2 {
		number, _ := numbers.Get(ctx, "ada", phones.find)
		street, _ := streets.Get(ctx, "ada", addresses.find)
		fmt.Println(number, street)
	}
	// Output:
	// looking up ada
	// looking up ada
	// 1815 St James's Square
	// 1815 St James's Square
}

func ExampleTable_Forget() {
	var numbers memo.Table[string, string]
	book := phoneBook{"ada": "1815"}

	ctx := memo.With(context.Background(), memo.Config{})
	_, _ = numbers.Get(ctx, "ada", book.find)
	book["ada"] = "1852"
	numbers.Forget(ctx, "ada")

	number, _ := numbers.Get(ctx, "ada", book.find)
	fmt.Println(number)
	// Output:
	// looking up ada
	// looking up ada
	// 1852
}

// Anything with these three methods can be seen through a memo.
func ExampleOver() {
	view := memo.Over(shelf{"left": "spoons"})

	ctx := memo.With(context.Background(), memo.Config{})
	v, err := view.Get(ctx, "left")
	fmt.Println(v, err)
	// Output: spoons <nil>
}

type shelf map[string]string

func (s shelf) Get(_ context.Context, key string) (string, error) { return s[key], nil }

func (s shelf) Delete(_ context.Context, keys ...string) error {
	for _, key := range keys {
		delete(s, key)
	}
	return nil
}

func (s shelf) Write(ctx context.Context, _ string, write func(context.Context) error) error {
	return write(ctx)
}

// For a Config that comes from a file: With panics at the fault that Validate
// reports.
func ExampleConfig_Validate() {
	fmt.Println(memo.Config{MaxEntries: -1}.Validate())
	// Output: memo: Config.MaxEntries is -1, want 0 (1000) or more
}
