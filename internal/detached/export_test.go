package detached

import "unsafe"

// FlightSize is the size of a flight, the one allocation of an undisturbed load.
func FlightSize[K comparable, V any]() uintptr { return unsafe.Sizeof(flightOf[K, V]{}) }
