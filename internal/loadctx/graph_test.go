package loadctx_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/onefold-go/onefold/internal/loadctx"
	"pgregory.net/rapid"
)

func beginMany(t *testing.T, n int) []*loadctx.Ctx {
	loads := make([]*loadctx.Ctx, n)
	for i := range loads {
		loads[i] = begin(t.Context())
	}
	return loads
}

// wantNoWaits checks that the graph has nothing of loads.
func wantNoWaits(t *testing.T, loads []*loadctx.Ctx) {
	t.Helper()
	for i, c := range loads {
		if n := c.Waits(); n != 0 {
			t.Errorf("load %d of %d still waits for %d others", i, len(loads), n)
		}
	}
}

func TestRings(t *testing.T) {
	for n := 1; n <= 5; n++ {
		loads := beginMany(t, n)
		for i := range n - 1 {
			if loads[i].WaitsFor(loads[i+1]) {
				t.Errorf("ring of %d: load %d closes it already", n, i)
			}
		}
		for range 2 { // a refused wait leaves nothing that would change the next answer
			if !loads[n-1].WaitsFor(loads[0]) {
				t.Errorf("ring of %d: the last load does not close it", n)
			}
		}
		for i := range n - 1 {
			loads[i].Waited(loads[i+1])
		}
		wantNoWaits(t, loads)
		if n > 1 && loads[n-1].WaitsFor(loads[0]) {
			t.Errorf("ring of %d: the last load closes it, though the others have gone", n)
		}
	}
}

// A load that has returned waits for nobody, and nobody for it.
func TestReturnedLoadIsInNoRing(t *testing.T) {
	for i := range 3 {
		loads := beginMany(t, 3)
		loads[0].WaitsFor(loads[1])
		loads[1].WaitsFor(loads[2])
		loads[i].Finish()
		if loads[2].WaitsFor(loads[0]) {
			t.Errorf("there is a ring through load %d, which has returned", i)
		}
	}
}

// A load may wait for another several times at once.
func TestWaitsAreCounted(t *testing.T) {
	loads := beginMany(t, 2)
	loads[0].WaitsFor(loads[1])
	loads[0].WaitsFor(loads[1])
	loads[0].Waited(loads[1])
	if !loads[1].WaitsFor(loads[0]) {
		t.Error("of two waits, the end of one ended both")
	}
	loads[0].Waited(loads[1])
	wantNoWaits(t, loads)
}

// All loads of a ring come to wait at the same time. The last one closes it,
// and nobody else.
func TestConcurrentRings(t *testing.T) {
	for n := 2; n <= 5; n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			for range 1_000 {
				var (
					loads = beginMany(t, n)
					rings [5]bool
					wg    sync.WaitGroup
					start = make(chan struct{})
				)
				for i := range n {
					wg.Go(func() {
						<-start
						rings[i] = loads[i].WaitsFor(loads[(i+1)%n])
					})
				}
				close(start)
				wg.Wait()
				told := 0
				for i := range n {
					if rings[i] {
						told++
					} else {
						loads[i].Waited(loads[(i+1)%n])
					}
				}
				if told != 1 {
					t.Fatalf("%d loads were told of the ring, want 1", told)
				}
				wantNoWaits(t, loads)
			}
		})
	}
}

// Thirty diamonds have 2^30 ways through, and no ring.
func TestDiamonds(t *testing.T) {
	const layers = 30
	tops, lefts, rights := beginMany(t, layers+1), beginMany(t, layers), beginMany(t, layers)
	edges := func(act func(from, to *loadctx.Ctx)) {
		for i := range layers {
			act(tops[i], lefts[i])
			act(tops[i], rights[i])
			act(lefts[i], tops[i+1])
			act(rights[i], tops[i+1])
		}
	}
	edges(func(from, to *loadctx.Ctx) {
		if from.WaitsFor(to) {
			t.Error("a ring where there is none")
		}
	})
	above := begin(t.Context())
	if above.WaitsFor(tops[0]) {
		t.Error("a ring through a load that nobody waits for")
	}
	if !tops[layers].WaitsFor(tops[0]) {
		t.Error("no ring from the lowest to the highest")
	}
	above.Waited(tops[0])
	edges((*loadctx.Ctx).Waited)
	wantNoWaits(t, append(append(tops, lefts...), rights...))
}

// numbered names each load with its number.
type numbered struct{}

func (numbered) Step(load any) loadctx.Step { return loadctx.Step{Name: fmt.Sprint(load)} }

// The graph agrees with a plain one, which looks at every way. A ring that is
// named is one, from what was asked for to the load that asked.
func TestRandomWaits(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		const n = 6
		loads := beginMany(t, n)
		var edges [][2]int
		over := make(map[int]bool)
		var reaches func(from, to int, seen map[int]bool) bool
		reaches = func(from, to int, seen map[int]bool) bool {
			if over[from] || seen[from] {
				return false
			}
			if from == to {
				return true
			}
			seen[from] = true
			for _, e := range edges {
				if e[0] == from && reaches(e[1], to, seen) {
					return true
				}
			}
			return false
		}
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			from, to := rapid.IntRange(0, n-1).Draw(rt, "from"), rapid.IntRange(0, n-1).Draw(rt, "to")
			switch act := rapid.IntRange(0, 9).Draw(rt, "act"); {
			case act == 0:
				loads[from].Finish()
				over[from] = true
			case act < 4 && len(edges) > 0:
				i := rapid.IntRange(0, len(edges)-1).Draw(rt, "edge")
				e := edges[i]
				edges = append(edges[:i], edges[i+1:]...)
				loads[e[0]].Waited(loads[e[1]])
			case !over[from]:
				ring, want := loads[from].Wait(loads[to], numbered{}, to), reaches(to, from, make(map[int]bool))
				if ring != nil != want {
					rt.Fatalf("load %d waits for %d: ring is %v, want one: %v; edges %v, over %v", from, to, ring, want, edges, over)
				}
				if ring == nil {
					edges = append(edges, [2]int{from, to})
					continue
				}
				var named *loadctx.CycleError
				if !errors.As(ring.Err(), &named) || named.Ring[0].Name != fmt.Sprint(to) || named.Ring[len(named.Ring)-1].Name != fmt.Sprint(from) {
					rt.Fatalf("load %d waits for %d: got %v, want a ring from the one back to the other", from, to, ring.Err())
				}
				for i, step := range named.Ring[1:] {
					if !slices.ContainsFunc(edges, func(e [2]int) bool {
						return fmt.Sprint(e[0]) == named.Ring[i].Name && fmt.Sprint(e[1]) == step.Name && !over[e[0]]
					}) {
						rt.Fatalf("%v: %s does not wait for %s", named, named.Ring[i].Name, step.Name)
					}
				}
			}
		}
		for _, e := range edges {
			loads[e[0]].Waited(loads[e[1]])
		}
		wantNoWaits(t, loads)
	})
}

// Loads that wait for random others and never give up: in every ring somebody
// is told, so that all get on in the end. A ring that nobody is told of would
// stop this test for good.
func TestConcurrentRandomWaits(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	for round := range 200 {
		const n = 6
		var (
			loads = beginMany(t, n)
			ends  [n]chan struct{}
			wg    sync.WaitGroup
		)
		for i := range ends {
			ends[i] = make(chan struct{})
		}
		for i := range n {
			rnd := rand.New(rand.NewPCG(seed, uint64(round*n+i)))
			wg.Go(func() {
				defer close(ends[i])
				defer loads[i].Finish()
				for range 3 {
					other := rnd.IntN(n)
					if loads[i].WaitsFor(loads[other]) {
						continue
					}
					<-ends[other]
					loads[i].Waited(loads[other])
				}
			})
		}
		wg.Wait()
		wantNoWaits(t, loads)
	}
}
