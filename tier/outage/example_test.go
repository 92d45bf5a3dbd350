package outage_test

import (
	"errors"
	"fmt"

	"github.com/onefold-go/onefold/tier/outage"
)

// A store that could not delete a key deletes it before it reads it.
func ExampleUndelivered() {
	undelivered := outage.NewUndelivered(10_000)
	away := true
	del := func(key string) error {
		at := undelivered.Now()
		if away {
			undelivered.AddKey(key)
			return errors.New("the server does not answer")
		}
		fmt.Println("deleted", key)
		undelivered.Settled([]string{key}, nil, at)
		return nil
	}
	get := func(key string) {
		if missed, _ := undelivered.Has(key); missed {
			if err := del(key); err != nil {
				fmt.Println("not read:", err)
				return
			}
		}
		fmt.Println("read", key)
	}

	_ = del("k")
	get("k")
	away = false
	get("other")
	get("k")
	get("k")
	// Output:
	// not read: the server does not answer
	// read other
	// deleted k
	// read k
	// read k
}
