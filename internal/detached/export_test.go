package detached

import "unsafe"

// FlightSize gives the bytes of a flight, the one allocation of a load.
func FlightSize[K comparable, V any]() uintptr { return unsafe.Sizeof(flightOf[K, V]{}) }
