package advise_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/onefold-go/onefold/advise"
	"github.com/onefold-go/onefold/advise/sim"
	"github.com/onefold-go/onefold/advise/trace"
)

func ExampleStudy_AddFrom() {
	const log = "time,key\n1,a\n2,b\n3,a\n"
	source, err := trace.OpenReaders([]trace.Input{{Name: "log.csv", Reader: strings.NewReader(log)}}, trace.Config{TimeUnit: time.Second})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer source.Close() //nolint:errcheck // it is only read
	loader := sim.Constant(20 * time.Millisecond)
	study, err := advise.New(advise.Config{TTL: time.Minute, Loader: &loader})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := study.AddFrom(context.Background(), source, nil); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(study.Requests(), "requests")
	// Output: 3 requests
}
