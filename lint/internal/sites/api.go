package sites

import (
	"go/types"
)

// An API is a function or method that coalesces loads, as its callers see it.
// Arguments and results are counted without the receiver; -1 stands for one
// that there is not.
type API struct {
	// Name is what messages call it: "singleflight.Group.Do".
	Name string

	Kind Kind

	Ctx, Key, Load   int  // arguments
	Value, Err, Chan int  // results; Chan is of a channel of results
	Shared           int  // the result that says whether others got the same
	Struct           bool // the result at Value is a struct that holds value and error

	// Passing says that the load is given a context that the library owns.
	Passing bool

	// Detached says that this context does not end with the caller's, and
	// Bounded that it has a deadline, or the load an end of its own.
	Detached, Bounded bool

	// Keeps says that results are kept after the load, as a cache does.
	Keeps bool

	// Wrapper is the function that passes its arguments on to a site, when
	// the call is of such a one.
	Wrapper *types.Func
}

// A Kind is the shape of an API.
type Kind uint8

// The kinds.
const (
	Do     Kind = iota // waits for the result
	DoChan             // gives a channel that the result comes on
	Make               // makes a group around one load; there is no key yet
)

// A method of a known package, or of a named type that is taken for a group.
type method struct {
	pkg, typ, name string
}
