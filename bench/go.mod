module github.com/onefold-go/onefold/bench

go 1.26.0

require (
	github.com/samber/go-singleflightx v0.3.2
	golang.org/x/sync v0.24.0
	resenje.org/singleflight v0.4.3
)
