package flight

import "unsafe"

// ShardSize gives the bytes from one shard of a Table to the next.
func ShardSize[K comparable, V, X any]() uintptr { return unsafe.Sizeof(Shard[K, V, X]{}) }

// Chains gives how many chains s has for its flights.
func (s *Shard[K, V, X]) Chains() int { return len(s.buckets) }
