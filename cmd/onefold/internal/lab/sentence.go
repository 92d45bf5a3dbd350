package lab

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/figures"
)

// Sentence says what a run showed, from its figures alone: what the best of
// the correct strategies asked of the source, against check-then-load, and
// what the others answered wrongly.
func Sentence(r *figures.Report) string {
	if len(r.Results) == 0 {
		return "Nothing was measured."
	}
	hero := hero(r.Results)
	switch {
	case answersOf(r.Results) == 0:
		return fmt.Sprintf("No strategy got a single answer out of %s.", r.Setup.Source)
	case hero == nil:
		return fmt.Sprintf("Every strategy gave wrong answers: %s.", wrongSummary(r.Results, nil))
	case len(r.Results) == 1:
		return fmt.Sprintf("%s %s.", hero.Title, heroLoads(hero, nil))
	}
	return fmt.Sprintf("%s %s; %s.", hero.Title, heroLoads(hero, find(r.Results, "check")), others(r.Results, hero))
}

// hero is Onefold where it was run, and else the strategy that was never
// wrong with the fewest loads an answer, or nil. One that was run alone has no
// rival.
func hero(results []figures.Result) *figures.Result {
	if r := find(results, "onefold"); r != nil {
		return r
	}
	if len(results) == 1 {
		return &results[0]
	}
	var best *figures.Result
	for i := range results {
		r := &results[i]
		if r.Wrong.Total() == 0 && r.Answers > 0 && (best == nil || loadsAnAnswer(r) < loadsAnAnswer(best)) {
			best = r
		}
	}
	return best
}

func loadsAnAnswer(r *figures.Result) float64 { return float64(r.Loads) / float64(r.Answers) }

func heroLoads(hero, check *figures.Result) string {
	did := fmt.Sprintf("answered %s of %s calls with %s and %s",
		thousands(hero.Answers), thousands(hero.Calls), plural(hero.Loads, "load", "loads"), wrongWords(hero.Wrong))
	switch {
	case check == nil || check == hero || check.Loads == 0:
		return did
	case check.Interrupts || hero.Interrupts:
		return did
	case check.Loads > hero.Loads:
		return did + fmt.Sprintf(", where %s took %s, %s", check.Title, thousands(check.Loads), more(check.Loads, hero.Loads))
	default:
		return did + fmt.Sprintf(", where %s took %s", check.Title, thousands(check.Loads))
	}
}

// more says how far a exceeds b.
func more(a, b int64) string {
	switch ratio := float64(a) / float64(max(b, 1)); {
	case ratio < 2:
		return fmt.Sprintf("%.0f %% more", 100*(ratio-1))
	case ratio < 10:
		return fmt.Sprintf("%.1f times as many", ratio)
	default:
		return fmt.Sprintf("%.0f times as many", ratio)
	}
}

func others(results []figures.Result, hero *figures.Result) string {
	var (
		wrong, rest int
		last        *figures.Result // of the wrong ones
	)
	for i := range results {
		r := &results[i]
		if r == hero {
			continue
		}
		rest++
		if r.Wrong.Total() > 0 {
			wrong++
			last = r
		}
	}
	switch {
	case wrong == 0 && hero.Wrong.Total() == 0:
		return "no strategy answered wrongly"
	case wrong == 0:
		return "none of the others answered wrongly"
	case wrong == 1:
		return fmt.Sprintf("%s answered wrongly: %s", last.Title, wrongKinds(last.Wrong))
	default:
		return fmt.Sprintf("%d of the %d others answered wrongly: %s", wrong, rest, wrongSummary(results, hero))
	}
}

// wrongSummary adds up the wrong answers of all but one, and names the worst.
func wrongSummary(results []figures.Result, but *figures.Result) string {
	var (
		sum   figures.Wrong
		worst *figures.Result
	)
	for i := range results {
		r := &results[i]
		if r == but {
			continue
		}
		sum.Stale += r.Wrong.Stale
		sum.Zero += r.Wrong.Zero
		sum.Key += r.Wrong.Key
		sum.Foreign += r.Wrong.Foreign
		if worst == nil || r.Wrong.Total() > worst.Wrong.Total() {
			worst = r
		}
	}
	return fmt.Sprintf("%s, most of them (%s) from %s", wrongKinds(sum), thousands(worst.Wrong.Total()), worst.Title)
}

func wrongWords(w figures.Wrong) string {
	if w.Total() == 0 {
		return "no wrong answer"
	}
	return wrongKinds(w)
}

func wrongKinds(w figures.Wrong) string {
	var parts []string
	add := func(n int64, one, many string) {
		if n > 0 {
			parts = append(parts, plural(n, one, many))
		}
	}
	add(w.Stale, "stale answer", "stale answers")
	add(w.Zero, "zero answer", "zero answers")
	add(w.Key, "answer for another key", "answers for another key")
	add(w.Foreign, "error of another caller", "errors of other callers")
	switch len(parts) {
	case 0:
		return "nothing wrong"
	case 1:
		return parts[0]
	}
	return strings.Join(parts[:len(parts)-1], ", ") + " and " + parts[len(parts)-1]
}

func answersOf(results []figures.Result) int64 {
	var n int64
	for _, r := range results {
		n += r.Answers
	}
	return n
}

func plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + many
}

// thousands writes 1234567 as 1,234,567.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
