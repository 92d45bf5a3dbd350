package envelope_test

import (
	"fmt"
	"time"

	"github.com/onefold-go/onefold/codec/envelope"
)

func ExampleSeal() {
	data, err := envelope.Seal(envelope.Envelope{
		Key:   "user:1",
		Born:  time.Now(),
		Fresh: time.Minute,
		Keep:  time.Hour,
		Tags:  []string{"users"},
	}, func(dst []byte) ([]byte, error) { return append(dst, "Ada"...), nil })
	if err != nil {
		panic(err)
	}
	e, err := envelope.Open("user:1", data)
	fmt.Printf("%s %v %v %v\n", e.Data, e.Fresh, e.Tags, err)

	_, err = envelope.Open("user:2", data)
	fmt.Println(err)
	// Output:
	// Ada 1m0s [users] <nil>
	// envelope: of another key
}

func ExampleOpen() {
	_, err := envelope.Open("user:1", []byte("something else"))
	fmt.Println(err)
	// Output: envelope: not an envelope
}

func ExampleLimits_Open() {
	small := envelope.Limits{Size: 1 << 20}
	_, err := small.Open("user:1", make([]byte, 2<<20))
	fmt.Println(err)
	// Output: envelope: over a limit of size
}

func ExampleLimits_Seal() {
	_, err := envelope.Limits{Tags: 1}.Seal(envelope.Envelope{
		Born: time.Now(),
		Tags: []string{"users", "admins"},
	}, nil)
	fmt.Println(err)
	// Output: envelope: over a limit of size
}

func ExampleLimits_Validate() {
	fmt.Println(envelope.Limits{Size: -1}.Validate())
	// Output: envelope: Limits.Size is -1, want 0 (the default) or more
}
