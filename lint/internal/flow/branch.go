package flow

import (
	"go/constant"
	"go/token"

	"golang.org/x/tools/go/ssa"
)

// Case gives the block that a select goes on with after its state i, or nil.
func Case(sel *ssa.Select, i int) *ssa.BasicBlock {
	for _, r := range *sel.Referrers() {
		index, ok := r.(*ssa.Extract)
		if !ok || index.Index != 0 {
			continue
		}
		for _, r := range *index.Referrers() {
			cond, ok := r.(*ssa.BinOp)
			if !ok || cond.Op != token.EQL {
				continue
			}
			c, ok := cond.Y.(*ssa.Const)
			if !ok || c.Value == nil {
				continue
			}
			if n, exact := constant.Int64Val(c.Value); !exact || n != int64(i) {
				continue
			}
			for _, r := range *cond.Referrers() {
				if branch, ok := r.(*ssa.If); ok {
					return branch.Block().Succs[0]
				}
			}
		}
	}
	return nil
}
