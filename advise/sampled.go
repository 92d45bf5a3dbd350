package advise

import (
	"github.com/onefold-go/onefold/advise/sim"
)

type sampled struct {
	arrivals arrivals
	curve    *curve
}

func (s *Study) sample() { panic("not yet") }

func (s *sampled) request(t int64, key uint64, latency int64) {}
func (s *sampled) invalidate(t int64, key uint64)             {}
func (s *sampled) close() *runs                               { return nil }
func (s *sampled) method() Method                             { return Method{} }
func (s *sampled) counts() ([]uint32, int64)                  { return nil, 0 }
func (s *sampled) oneHit() float64                            { return 0 }

var _ = sim.Draw
