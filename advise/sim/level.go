package sim

import "math"

// A level is how many loads are in flight, where some of them stand for others:
// those of keys of which a share is followed. Scaled up, a few such loads that
// happen to meet look like a herd, and the greatest of many scaled numbers is
// far above the greatest of the true ones. So what exceeds the mean by no more
// than chance would have it is taken down to what chance does to loads that are
// all counted; what exceeds it by more is left as it is.
//
// The zero level is empty.
type level struct {
	all, head int64 // scaled; of those that stand for themselves
	weight    uint8 // the latest that is not 0

	// The mean of the others since the block before the open one began.
	area, areaBefore float64 // loads times ns, up to since
	since            int64
	began, before    int64 // begin of the open block, and of the one before
}

// levelKnown is in how many windows nothing is known of the mean, at first. A
// block is as long, or longer where loads stand for so many that it has to be.
const levelKnown = 4

// change is that n loads, each for 1<<weight of them, began at t, or ended when
// n is negative.
func (l *level) change(t, n int64, weight uint8, window int64) {
	if weight == 0 {
		l.head += n
		l.all += n
		return
	}
	if t > l.since {
		l.area += float64(l.all-l.head) * float64(t-l.since)
		l.since = t
	}
	if t-l.began >= max(levelKnown, int64(1)<<l.weight/4)*window {
		l.areaBefore, l.area = l.area, 0
		l.before, l.began = l.began, t
	}
	l.all += n << weight
	l.weight = max(l.weight, weight)
}

// now is the level at t, which is that of the last change or later.
func (l *level) now(t, window int64) int64 {
	tail := float64(l.all - l.head)
	if l.weight == 0 || tail == 0 {
		return l.all
	}
	elapsed, known := float64(t-l.before), float64(levelKnown*window)
	mean := (l.areaBefore + l.area + tail*float64(t-l.since)) / max(elapsed, known)
	weight := float64(int64(1) << l.weight)
	others := min(mean, tail)
	if elapsed >= known {
		others = denoised(tail, mean, weight)
	}
	return l.head + int64(math.Round(max(others, tail/weight))) // they are there, for sure
}

// denoised is what a level of loads that each stand for weight, and are tail in
// sum, says of the loads they stand for, which are mean on average.
//
// The square root of a Poisson number has a deviation of a half, whatever its
// mean (M. Bartlett, 1936). So many such deviations as are between tail and mean
// are what chance would do to loads of weight 1; and so much of tail as is
// beyond what chance does in a long time is true. The bound of the latter, as
// that of D. Donoho's denoising (1995), is the root of 2 ln n for n numbers: of
// a million.
func denoised(tail, mean, weight float64) float64 {
	if weight == 1 || tail <= mean {
		return tail
	}
	const bound = 2 * 6 * math.Ln10
	above := 2 * (math.Sqrt(tail/weight) - math.Sqrt(mean/weight))
	root := math.Sqrt(mean) + above/2
	truth := max(0, 1-bound/(above*above))
	return truth*tail + (1-truth)*root*root
}
