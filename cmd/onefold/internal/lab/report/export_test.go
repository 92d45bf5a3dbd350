package report

// What the tests look at inside the package.
var (
	Duration = duration
	Between  = between
	Number   = number
	Count    = count
	Percent  = percent
	Wrap     = wrap
)
