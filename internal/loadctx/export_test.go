package loadctx

// Waits gives how many loads c waits for, as the graph has it.
func (c *Ctx) Waits() int {
	graph.Lock()
	defer graph.Unlock()
	return len(c.waitsFor())
}

// WaitsFor is Wait where nobody asks for names.
func (c *Ctx) WaitsFor(other *Ctx) (ring bool) { return c.Wait(other, nil, nil) != nil }
