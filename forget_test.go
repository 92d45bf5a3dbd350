package onefold_test

import (
	"context"
	"testing"
	"time"

	"github.com/onefold-go/onefold"
)

// SPEC: G26
func TestForgetStartsAnew(t *testing.T) {
	tell(t, onefold.Config{}, func(s *story) {
		leader := s.call(s.ctx, "k", s.load)
		joiner := s.call(s.ctx, "k", s.load)
		s.until(500 * ms)
		s.group.Forget("k")
		anew := s.call(s.ctx, "k", s.load)
		s.until(1200 * ms) // the forgotten load has ended, and must not have taken its successor along
		late := s.call(s.ctx, "k", s.load)

		s.wants("leader from before", leader, answer{value: 1, at: time.Second})
		s.wants("joiner from before", joiner, answer{value: 1, at: time.Second})
		s.wants("caller after Forget", anew, answer{value: 2, at: 1500 * ms})
		s.wants("joiner after Forget", late, answer{value: 2, at: 1500 * ms})
		s.wantsLoads(2)
	})
}

// Forgotten or not, a load belongs to those who wait for it.
//
// SPEC: G11, G12, G26
func TestForgottenLoadThatIsAbandoned(t *testing.T) {
	for policy, want := range map[onefold.OnAbandon]error{onefold.CancelLoad: context.Canceled, onefold.FinishLoad: nil} {
		tell(t, onefold.Config{OnAbandon: policy}, func(s *story) {
			end := make(chan error, 1)
			load := func(ctx context.Context, key string) (int, error) {
				n, _ := s.load(ctx, key)
				end <- ctx.Err()
				return n, nil
			}
			leaver := s.call(s.cancelledAt(500*ms), "k", load)
			s.group.Forget("k")
			anew := s.call(s.ctx, "k", s.load)
			s.wants("caller from before", leaver, answer{err: context.Canceled, at: 500 * ms})
			joiner := s.call(s.ctx, "k", s.load)
			s.wants("caller after Forget", anew, answer{value: 2, at: time.Second})
			s.wants("joiner after Forget", joiner, answer{value: 2, at: time.Second})
			if err := <-end; err != want {
				s.Errorf("the forgotten load's context ended with %v, want %v", err, want)
			}
		})
	}
}

// SPEC: G27
func TestForgetOfAnIdleKey(t *testing.T) {
	tell(t, onefold.Config{}, func(s *story) {
		s.group.Forget("k")
		leader := s.call(s.ctx, "k", s.load)
		s.group.Forget("other")
		joiner := s.call(s.ctx, "k", s.load)
		s.wants("leader", leader, answer{value: 1, at: time.Second})
		s.wants("joiner", joiner, answer{value: 1, at: time.Second})

		s.group.Forget("k")
		s.wants("next caller", s.call(s.ctx, "k", s.load), answer{value: 2, at: 2 * time.Second})
	})
}
