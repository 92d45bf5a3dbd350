package onefold

import "context"

// Traces gives how many flights of g can be joined, and how many of its loads
// have not returned.
func (g *Group[K, V]) Traces() (flights, loads int) {
	s := g.table.Sum()
	return s.Flights, s.Running
}

// Enter is a call up to where it waits, for ever.
func (g *Group[K, V]) Enter(ctx context.Context, key K, load func(context.Context, K) (V, error)) {
	g.ready()
	g.table.Start(ctx, key, load)
}

// MaxFlights is how many loads of a Group of c may run.
func (c Config) MaxFlights() int { return c.rules().MaxFlights }
