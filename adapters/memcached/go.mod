module github.com/onefold-go/onefold/adapters/memcached

go 1.26.0
