package onefold

// Traces gives how many flights of g can be joined, and how many of its loads
// have not returned.
func (g *Group[K, V]) Traces() (flights, loads int) {
	s := g.table.Sum()
	return s.Flights, s.Running
}
