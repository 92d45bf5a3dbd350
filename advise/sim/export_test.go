package sim

// The streams of random numbers, for the slow twin.
const (
	ForLatency = forLatency
	ForJitter  = forJitter
	ForEarly   = forEarly
	ForRoute   = forRoute
	ForWarm    = forWarm
)

var (
	Uniform = uniform
	Raw     = draw
)

// At gives a loader's latency at u.
func At(l Loader, u float64) int64 { return l.at(u) }

// Hand has a stream's workers take what has been given so far.
func Hand(s *Stream) { s.hand() }
