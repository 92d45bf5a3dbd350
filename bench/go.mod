module github.com/onefold-go/onefold/bench

go 1.26.0

require (
	github.com/hashicorp/golang-lru/v2 v2.0.7
	github.com/maypok86/otter/v2 v2.4.0
	github.com/patrickmn/go-cache v2.1.0+incompatible
	github.com/samber/go-singleflightx v0.3.2
	github.com/viccon/sturdyc v1.1.5
	golang.org/x/sync v0.24.0
	resenje.org/singleflight v0.4.3
)

require github.com/cespare/xxhash/v2 v2.3.0 // indirect
