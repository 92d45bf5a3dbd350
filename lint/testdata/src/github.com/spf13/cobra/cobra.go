// Package cobra has the signatures of the real one.
package cobra

import "context"

type Command struct{ ctx context.Context }

func (c *Command) Context() context.Context { return c.ctx }
