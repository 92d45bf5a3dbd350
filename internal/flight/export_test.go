package flight

import "unsafe"

// ShardSize gives the bytes from one shard of a Table to the next.
func ShardSize[K comparable, V, X any]() uintptr { return unsafe.Sizeof(Shard[K, V, X]{}) }
