package sim

import "time"

// keepWindows has the runners of pairs keep their windows.
func keepWindows(runners []*runner, pairs [][2]int) {
	for _, p := range pairs {
		runners[p[0]].keepWindows = true
		runners[p[1]].keepWindows = true
	}
}

// contrast compares what windows the unit's bases have closed since the last
// call with those of the arms that are held against them, all of which have
// seen the same steps, and forgets them.
func (u *unit) contrast(runners []*runner, pairs [][2]int, contrasts []Contrast) {
	for _, p := range u.pairs {
		base, with := runners[pairs[p][0]], runners[pairs[p][1]]
		best := &contrasts[p]
		best.Base, best.With = pairs[p][0], pairs[p][1]
		i := 0
		for _, b := range base.windows {
			for i < len(with.windows) && with.windows[i].at < b.at {
				i++
			}
			var loads int64
			switch {
			case i < len(with.windows) && with.windows[i].at == b.at:
				loads = with.windows[i].loads
			case with.windowAt == b.at:
				loads = with.windowLoads
			}
			if b.loads < MinLoads {
				continue
			}
			if a := float64(b.loads) / float64(max(loads, 1)); a > best.Amplification {
				best.Amplification = a
				best.At = time.Duration(b.at * base.window)
				best.BaseLoads, best.WithLoads = b.loads, loads
			}
		}
	}
	for _, arm := range u.arms {
		r := runners[arm]
		if !r.keepWindows {
			continue
		}
		needed := int64(never) // windows from here on may still be compared
		for _, p := range u.pairs {
			if pairs[p][1] == arm {
				needed = min(needed, runners[pairs[p][0]].windowAt)
			}
		}
		i := 0
		for i < len(r.windows) && r.windows[i].at < needed {
			i++
		}
		r.windows = r.windows[:copy(r.windows, r.windows[i:])]
	}
}
