package loadctx

// A load may bring several things that are waited for one by one. Each then has
// a Ctx of its own, a part, for those who wait for it; the load sees the whole.
// Only the methods that end a Ctx, Ended, Overdue and the stage are of use on a
// part, and as the other of Wait and Waited.
//
//	whole: Init, Collect, any number of InitPart, Collected
//
// The whole ends, if it has not before, when its last part has: then nobody
// waits for anything that it brings. An end of the whole does not end its parts.

// Collect says that c is a whole, whose parts follow.
func (c *Ctx) Collect() { c.more().parts.Add(1) }

// Collected says that c has all its parts. They may have ended meanwhile.
func (c *Ctx) Collected() { c.partEnded() }

// InitPart makes c a live part of whole. It stands in for Init.
func (c *Ctx) InitPart(whole *Ctx) {
	c.caller = whole
	c.state.Store(part)
	whole.more().parts.Add(1)
}

// Ended reports whether c has ended, without regard to its deadline.
func (c *Ctx) Ended() bool { return c.how() != live }

func (c *Ctx) partEnded() {
	if c.more().parts.Add(-1) == 0 {
		c.end(canceled)
	}
}

// whole gives the Ctx that c is a part of, or c.
func (c *Ctx) whole() *Ctx {
	if !c.is(part) {
		return c
	}
	whole, _ := c.caller.(*Ctx)
	return whole
}
