// Command onefold: see onefold help.
package main

func main() {}
