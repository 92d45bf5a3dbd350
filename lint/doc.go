// Package lint finds misused coalescing: in code that calls x/sync's
// singleflight, one of its copies and forks, or this project's packages. It
// knows them by name and by shape and imports none of them.
//
// [Rules] lists the checks; docs/vet has a page on each. There are three ways to
// run them: the program cmd/onefold-vet as a tool of go vet, the command
// onefold vet, and a plugin of golangci-lint.
package lint
