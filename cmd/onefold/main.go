// Command onefold shows what concurrent misses do to a slow source under each
// way of handling them, and finds code that handles them wrongly. See onefold
// help.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/onefold-go/onefold/cmd/onefold/internal/cli"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/fleet"
	"github.com/onefold-go/onefold/lint/vettool"
)

func main() {
	fleet.Serve() // a process that the lab started
	if vettool.Called(os.Args[1:]) {
		vettool.Main() // a process that go vet started
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(cli.Main(ctx, os.Args[1:], os.Stdout, os.Stderr))
}
