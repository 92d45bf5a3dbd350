module github.com/onefold-go/onefold/bench

go 1.26.0

