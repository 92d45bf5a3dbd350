package lab_test

import (
	"testing"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/figures"
)

func TestSentence(t *testing.T) {
	check := figures.Result{Strategy: "check", Title: "check then load", Calls: 9000, Answers: 9000, Loads: 1500, Wrong: figures.Wrong{Stale: 40}}
	flights := figures.Result{Strategy: "singleflight", Title: "x/sync singleflight", Calls: 9000, Answers: 8993, Loads: 1000, Wrong: figures.Wrong{Stale: 1, Foreign: 7}}
	otter := figures.Result{Strategy: "otter", Title: "otter's loading cache", Calls: 9000, Answers: 9000, Loads: 1010}
	ours := figures.Result{Strategy: "onefold", Title: "Onefold", Calls: 9000, Answers: 9000, Loads: 1000}
	swamped := figures.Result{Strategy: "nocache", Title: "no cache", Calls: 9000, Answers: 100, Loads: 900}
	failed := figures.Result{Strategy: "check", Title: "check then load", Calls: 10}
	stampede := check
	stampede.Loads, stampede.Wrong.Stale = 4460, 1
	broken := ours
	broken.Wrong = figures.Wrong{Zero: 1, Key: 2}

	for _, test := range []struct {
		name    string
		results []figures.Result
		want    string
	}{
		{"nothing", nil, "Nothing was measured."},
		{"no answers", []figures.Result{failed}, "No strategy got a single answer out of the shop."},
		{
			"the whole", []figures.Result{check, flights, otter, ours},
			"Onefold answered 9,000 of 9,000 calls with 1,000 loads and no wrong answer, where check then load took 1,500, 50 % more; " +
				"2 of the 3 others answered wrongly: 41 stale answers and 7 errors of other callers, most of them (40) from check then load.",
		},
		{
			"without Onefold", []figures.Result{swamped, check, flights, otter},
			"otter's loading cache answered 9,000 of 9,000 calls with 1,010 loads and no wrong answer, where check then load took 1,500, 49 % more; " +
				"2 of the 3 others answered wrongly: 41 stale answers and 7 errors of other callers, most of them (40) from check then load.",
		},
		{
			"nothing wrong", []figures.Result{otter, ours},
			"Onefold answered 9,000 of 9,000 calls with 1,000 loads and no wrong answer; no strategy answered wrongly.",
		},
		{
			"alone", []figures.Result{ours},
			"Onefold answered 9,000 of 9,000 calls with 1,000 loads and no wrong answer.",
		},
		{
			"alone and wrong", []figures.Result{check},
			"check then load answered 9,000 of 9,000 calls with 1,500 loads and 40 stale answers.",
		},
		{
			"one other is wrong", []figures.Result{stampede, ours},
			"Onefold answered 9,000 of 9,000 calls with 1,000 loads and no wrong answer, where check then load took 4,460, 4.5 times as many; " +
				"check then load answered wrongly: 1 stale answer.",
		},
		{
			"Onefold is wrong", []figures.Result{otter, broken},
			"Onefold answered 9,000 of 9,000 calls with 1,000 loads and 1 zero answer and 2 answers for another key; none of the others answered wrongly.",
		},
		{
			"all are wrong", []figures.Result{check, flights},
			"Every strategy gave wrong answers: 41 stale answers and 7 errors of other callers, most of them (40) from check then load.",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := lab.Sentence(&figures.Report{Setup: figures.Setup{Source: "the shop"}, Results: test.results})
			if got != test.want {
				t.Errorf("Sentence:\n%s\nwant:\n%s", got, test.want)
			}
		})
	}
}
