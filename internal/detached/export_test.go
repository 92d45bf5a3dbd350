package detached

import (
	"unsafe"

	"github.com/onefold-go/onefold/internal/loadctx"
)

// FlightSize is the size of a flight.
func FlightSize[K comparable, V any]() uintptr { return unsafe.Sizeof(flightOf[K, V]{}) }

// ContextSize is the size of a load's context, the one allocation of an
// undisturbed load.
const ContextSize = unsafe.Sizeof(loadctx.Ctx{})
