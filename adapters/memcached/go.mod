module github.com/onefold-go/onefold/adapters/memcached

go 1.26.0

require github.com/sony/gobreaker/v2 v2.4.0

require github.com/maypok86/otter/v2 v2.4.0 // indirect
