package vettool

import (
	"flag"
	"fmt"
)

// Read is what the program's own flags are in args.
func Read(args []string) (string, error) {
	set := flag.NewFlagSet("", flag.ContinueOnError)
	f := define(set)
	err := read(set, args)
	return fmt.Sprint(f.enable, " ", f.disable, " ", f.notes), err
}
