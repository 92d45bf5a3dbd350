// Command onefold-vet is a tool of go vet that finds misused coalescing of
// loads: go vet -vettool=$(which onefold-vet) ./...
package main

import "github.com/onefold-go/onefold/lint/vettool"

func main() { vettool.Main() }
