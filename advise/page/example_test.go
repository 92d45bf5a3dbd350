package page_test

import (
	"fmt"
	"strings"

	"github.com/onefold-go/onefold/advise"
	"github.com/onefold-go/onefold/advise/page"
)

func ExampleWrite() {
	report := &advise.Report{Verdict: advise.Verdict{Class: advise.PlainCache, Sentence: "A plain cache is enough."}}

	var b strings.Builder
	err := page.Write(&b, report, page.Config{Command: "onefold advise access.log"})
	fmt.Println(strings.Contains(b.String(), "<h1>A plain cache is enough.</h1>"), err)
	// Output: true <nil>
}
