module github.com/onefold-go/onefold/adapters/redis

go 1.26.0

require github.com/redis/rueidis v1.0.79

require github.com/maypok86/otter/v2 v2.4.0 // indirect

require (
	github.com/sony/gobreaker/v2 v2.4.0
	golang.org/x/sys v0.47.0 // indirect
)
