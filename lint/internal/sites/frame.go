package sites

import (
	"go/types"

	"golang.org/x/tools/go/ssa"

	"github.com/onefold-go/onefold/lint/internal/flow"
)

// Frame is a run of the function that makes the call, of which nothing else is
// known.
func (s *Site) Frame() *flow.Frame { return frame(s.In) }

func frame(f *ssa.Function) *flow.Frame {
	if f == nil {
		return nil
	}
	return &flow.Frame{Func: f, Outer: frame(f.Parent())}
}

// LoadFrame is the run of the load that the call, made in the given frame,
// starts. The load must not be opaque.
func (s *Site) LoadFrame(in *flow.Frame) *flow.Frame {
	f := s.Loader.Func
	load := &flow.Frame{Func: f, Outer: Around(f, in)}
	args := make([]ssa.Value, len(f.Params))
	if s.Loader.Recv != nil && len(args) > 0 {
		args[0] = s.Loader.Recv
		load.Caller, load.Args = in, args
	}
	// A load that is given its key has it last.
	if last := len(args) - 1; s.API.Passing && last > 0 && s.Key != nil && types.Identical(f.Params[last].Type(), s.Key.Type()) {
		args[last] = s.Key
		load.Caller, load.Args = in, args
	}
	return load
}

// Around is the run of the function around a literal that is run in a frame.
func Around(f *ssa.Function, in *flow.Frame) *flow.Frame {
	for in != nil && in.Func != f.Parent() {
		in = in.Outer
	}
	return in
}

// Receiver is what holds the group: the receiver of the call, nil for a
// function.
func (s *Site) Receiver() ssa.Value {
	if s.Instr == nil {
		return nil
	}
	return receiverOf(s.Instr.Common())
}

func receiverOf(common *ssa.CallCommon) ssa.Value {
	switch {
	case common.IsInvoke():
		return common.Value
	case common.Signature().Recv() != nil && len(common.Args) > 0:
		return common.Args[0]
	}
	return nil
}

// Site gives the site that a call is, or nil.
func (r *Result) Site(call ssa.CallInstruction) *Site {
	for _, s := range r.All {
		if s.Instr != nil && s.Instr == call {
			return s
		}
	}
	return nil
}

// SameGroup says for sure that a call's receiver is the group that a site
// asks, when both are made in the frames given.
func (r *Result) SameGroup(s *Site, in *flow.Frame, call ssa.CallInstruction, at *flow.Frame) bool {
	recv := receiverOf(call.Common())
	return recv != nil && s.Receiver() != nil && r.Flow.Same(flow.Place{V: s.Receiver(), In: in}, flow.Place{V: recv, In: at})
}
