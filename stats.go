package onefold

// Stats are sums since a [Group]'s first use, and how many loads there are now.
type Stats struct {
	Led        uint64 // calls that started a load
	Joined     uint64 // calls that joined one
	Again      uint64 // calls that joined a load whose end was not for them, and then led or joined another: counted for each
	TurnedAway uint64 // calls that met a limit
	Loading    int    // keys that can be joined now
	Running    int    // loads that have not returned now, also those that nobody waits for
}

// CoalescingRatio is Joined / (Led + Joined): the share of calls that needed no
// load of their own. It is 0 when there were none.
func (s Stats) CoalescingRatio() float64 {
	if s.Led+s.Joined == 0 {
		return 0
	}
	return float64(s.Joined) / float64(s.Led+s.Joined)
}

// Stats gives the sums so far. They are not taken at one instant.
func (g *Group[K, V]) Stats() Stats {
	g.ready()
	sum := g.table.Sum()
	return Stats{
		Led: sum.Led, Joined: sum.Joined, Again: sum.Again, TurnedAway: sum.TurnedAway,
		Loading: sum.Flights, Running: sum.Running,
	}
}
