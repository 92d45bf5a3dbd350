package onefold_test

import (
	"testing"

	"github.com/onefold-go/onefold"
)

func TestCoalescingRatio(t *testing.T) {
	for want, s := range map[float64]onefold.Stats{
		0:    {}, // and no NaN
		0.75: {Led: 1, Joined: 3, Again: 1, TurnedAway: 5},
		1:    {Joined: 2},
	} {
		if got := s.CoalescingRatio(); got != want {
			t.Errorf("the ratio of %+v is %v, want %v", s, got, want)
		}
	}
}
