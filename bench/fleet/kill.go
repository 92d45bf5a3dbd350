package main

import "time"

// killTTL is how long a value lives whose loader is killed: longer than any
// lease.
const killTTL = 30 * time.Second
