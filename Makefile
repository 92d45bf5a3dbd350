# What can be done here; `make` alone lists it. Nothing is installed by hand:
# a tool runs at the version pinned below, fetched and cached by the go command.

GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOVULNCHECK   := golang.org/x/vuln/cmd/govulncheck@v1.9.0
APIDIFF       := golang.org/x/exp/cmd/apidiff@v0.0.0-20261014143641-f0251eb4aa3e

SHELL         := /bin/bash
.SHELLFLAGS   := -euo pipefail -c
.DEFAULT_GOAL := help

# Every module of go.work, as directories relative to this one.
modules = $(shell go list -m -f '{{.Dir}}' | sed 's|^$(CURDIR)|.|')

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## compare the ways to handle concurrent misses, on a real database (ARGS='--seed 2' adds flags)
	go run ./cmd/onefold lab $(ARGS)

.PHONY: collapse
collapse: deps ## measure what becomes of callers when coalescing fails, into docs/failed-collapse.md (about five minutes)
	go run ./bench/collapse -page docs/failed-collapse.md -json docs/bench/collapse.json

.PHONY: early
early: ## measure what a refresh before expiry costs, simulated and live, into docs/early-refresh.md (about five minutes)
	go run ./bench/early -page docs/early-refresh.md -json docs/bench/early.json $(ARGS)

.PHONY: fleet
fleet: deps ## measure shared tiers over real servers, side by side, into docs/bench/fleet.md (about twenty minutes)
	go run ./bench/fleet -page docs/bench/fleet.md -json docs/bench/fleet.json $(ARGS)

.PHONY: deps
deps: ## install what the tests need and this machine lacks
	@.ci/deps

# The embedded database is C translated to Go. Under the race detector it takes
# over a hundred times as long, and its memory accesses are not ours to check,
# so it is compiled without; its driver, and all of ours, is compiled with it.
race := -race -gcflags=modernc.org/sqlite/lib=-race=0 -gcflags=modernc.org/libc/...=-race=0

# The documents' commands run in a second step, alone: some of them measure, and
# what they do is outside the test cache's sight.
# The analyzers read the standard library's source, package by package and as a
# program that is started some hundred times, and the pages draw for half a
# minute: under the race detector that takes minutes, for code that has no
# goroutines of its own. Of advise, those tests run under it that are of goroutines.
norace := /onefold/lint|/internal/cli$$|/onefold/advise$$|/advise/page$$|/lab/report$$

.PHONY: test
test: deps ## run every test of every module, nearly all under the race detector, then the documents' examples
	go test $(race) -skip '^TestDocuments$$' $$(go list work | grep -vE '$(norace)')
	go test $(race) -run 'AddFrom|SampledIsTheSame' ./advise
	go test $$(go list work | grep -E '$(norace)')
	go test -count=1 -timeout=15m -v -run '^TestDocuments$$' ./internal/house

.PHONY: cover
cover: deps ## run the tests and print how much of each package they reach
	go test -skip '^TestDocuments$$' -coverprofile=cover.out work
	go tool cover -func=cover.out | tail -n 1

.PHONY: faults
faults: ## build named faults into the library and see that the tests find each (FAULTS=forget picks by name)
	go test -tags faults -count=1 -v -timeout 90m -parallel 2 -run '^Test(FaultsStand|GateTellsEndsApart|Faults)$$/($(FAULTS))' ./internal/faults

.PHONY: bench
bench: ## run all libraries side by side and rewrite docs/bench (half an hour; ARGS="-page cache" or flight makes one page; best on a quiet machine)
	go run ./bench/cmd/sidebyside $(ARGS)

.PHONY: fmt
fmt: ## format the Go files
	git ls-files -z --cached --others --exclude-standard '*.go' | xargs -0 -r gofmt -s -w

.PHONY: vet
vet: ## run go vet on every module
	go vet work

.PHONY: ownvet
ownvet: ## run onefold vet on every module: coalescing that is misused, in our own code
	go run ./cmd/onefold vet work

.PHONY: tidy
tidy: ## go mod tidy in every module (a plain one fails here: docs/decisions/001)
	@.ci/tidy

.PHONY: lint
lint: ## run golangci-lint on every module (.golangci.yml)
	go run $(GOLANGCI_LINT) run $(addsuffix /...,$(modules))

.PHONY: vuln
vuln: ## look for known vulnerabilities that the code can reach (asks the Go vulnerability database)
	@go run $(GOVULNCHECK) work || { echo 'make vuln: no clean result. Where it says "fetching vulnerabilities", the database was out of reach: run this where the network allows it, or let GOVULNDB name a copy.' >&2; exit 1; }

.PHONY: apidiff
apidiff: ## compare the exported API with the last tag, or with BASE=<ref>
	@.ci/apidiff $(APIDIFF) $(BASE)

.PHONY: spec
spec: ## rewrite docs/spec.md from the statements and the tests' SPEC comments
	go test -count=1 -run '^TestSpecLedger$$' ./internal/house -update
