package memcached_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/adapters/memcached"
	"github.com/onefold-go/onefold/foldtest"
	"github.com/onefold-go/onefold/tier"
)

// The fake is held to what the real one is, so that the tests in bubbles say
// something.
func TestFakeIsAMemcached(t *testing.T) {
	for _, version := range []string{"1.6.18", "1.6.38"} {
		var f *fake
		t.Run(version, func(t *testing.T) {
			foldtest.TestStore(t, func(t *testing.T) tier.Store {
				if f == nil || f.t != t {
					f = &fake{version: version, t: t} // of this bubble
				}
				return f.at(t)
			}, foldtest.StoreOptions{Require: all, Bubble: true, Rounds: 20})
		})
	}
}

func acquire(t testing.TB, s tier.Leaser, key string, o tier.AcquireOptions) tier.Grant {
	t.Helper()
	if o.LeaseTTL == 0 {
		o.LeaseTTL = 10 * time.Second
	}
	g, err := s.Acquire(t.Context(), key, o)
	if err != nil {
		t.Fatalf("Acquire = %v", err)
	}
	return g
}

func fill(t testing.TB, s tier.Leaser, key string, l tier.Lease, data string, ttl time.Duration) bool {
	t.Helper()
	stored, err := s.Fill(t.Context(), key, l, tier.Item{Data: []byte(data), TTL: ttl})
	if err != nil {
		t.Fatalf("Fill = %v", err)
	}
	return stored
}

// await does what a cache does with a grant that says to wait, until there is
// another, and gives that.
func await(t testing.TB, ctx context.Context, s tier.Leaser, key string, o tier.AcquireOptions) tier.Grant {
	t.Helper()
	for {
		g, err := s.Acquire(ctx, key, o)
		if err != nil {
			t.Errorf("Acquire = %v", err)
			return g
		}
		if g.Changed == nil {
			return g
		}
		timer := time.NewTimer(max(g.HeldFor, time.Millisecond))
		select {
		case <-g.Changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// SPEC: R15, R19
func TestDeadHolderHasOneSuccessorWithinItsLease(t *testing.T) {
	const lease = 3 * time.Second
	for name, prepare := range map[string]func(t *testing.T, p *memcached.Store) tier.AcquireOptions{
		"no value": func(*testing.T, *memcached.Store) tier.AcquireOptions {
			return tier.AcquireOptions{LeaseTTL: lease}
		},
		"a stale value": func(t *testing.T, p *memcached.Store) tier.AcquireOptions {
			fill(t, p, "k", acquire(t, p, "k", tier.AcquireOptions{}).Lease, "old", time.Hour)
			return tier.AcquireOptions{LeaseTTL: lease, RefreshBelow: 2 * time.Hour}
		},
	} {
		for _, ahead := range []time.Duration{0, 300 * time.Millisecond, 999 * time.Millisecond} {
			t.Run(fmt.Sprint(name, ", server ahead by ", ahead), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := &fake{ahead: ahead}
					p := f.at(t)
					o := prepare(t, p)
					began := time.Now()
					if g := acquire(t, p, "k", o); g.Lease == (tier.Lease{}) {
						t.Fatal("no lease")
					}
					synctest.Wait() // until the server knows of it
					_ = p.Close()   // its process dies
					var (
						wg        sync.WaitGroup
						mu        sync.Mutex
						successor time.Duration
						won       int
					)
					for i := range 12 { // processes, that come at any time
						s := f.at(t)
						wg.Go(func() {
							time.Sleep(time.Duration(i) * lease / 13)
							g := await(t, t.Context(), s, "k", o)
							mu.Lock()
							defer mu.Unlock()
							if g.Lease == (tier.Lease{}) {
								if string(g.Item.Data) != "new" {
									t.Errorf("a waiter got %q and no lease, want what the successor stored", g.Item.Data)
								}
								return
							}
							won++
							successor = time.Since(began)
							mu.Unlock()
							time.Sleep(20 * time.Millisecond)
							fill(t, s, "k", g.Lease, "new", 3*time.Hour)
							mu.Lock()
						})
					}
					wg.Wait()
					if won != 1 || successor < lease || successor > lease+100*time.Millisecond {
						t.Errorf("%d successors, the last after %v; want 1, from %v to 100ms after", won, successor, lease)
					}
				})
			})
		}
	}
}

// The answer that would have given the lease never came: the item that the
// server made is nobody's.
//
// SPEC: R15
func TestLeaseWhoseAnswerWasLost(t *testing.T) {
	for _, ahead := range []time.Duration{0, 500 * time.Millisecond, 999 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{ahead: ahead}
			p, q := f.at(t), f.at(t)
			f.answersLost("mg")
			if g, err := p.Acquire(t.Context(), "k", tier.AcquireOptions{LeaseTTL: time.Minute}); err == nil {
				t.Fatalf("Acquire = %+v, want an error", g)
			}
			began := time.Now()
			g := await(t, t.Context(), q, "k", tier.AcquireOptions{LeaseTTL: time.Minute})
			if took := time.Since(began); g.Lease == (tier.Lease{}) || took > 3*time.Second {
				t.Errorf("after %v the next one has %+v; want the lease, within 3s", took, g)
			}
		})
	}
}

// A process that is held up before it has said how long its lease lasts is
// replaced, and what it stores when it goes on is refused.
//
// SPEC: R16
func TestHolderThatIsHeldUpAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		gate := make(chan struct{})
		p := f.at(t, func(c *memcached.Config) {
			c.Dial = func(ctx context.Context, addr string) (net.Conn, error) {
				conn, err := f.dial(ctx, addr)
				return &gated{Conn: conn, gate: gate}, err
			}
			c.Timeout = time.Minute
		})
		q := f.at(t)
		old := acquire(t, p, "k", tier.AcquireOptions{LeaseTTL: time.Minute})
		next := await(t, t.Context(), q, "k", tier.AcquireOptions{LeaseTTL: time.Minute})
		if old.Lease == (tier.Lease{}) || next.Lease == (tier.Lease{}) {
			t.Fatalf("Acquire = %+v and then %+v, want two leases", old, next)
		}
		close(gate)
		if fill(t, p, "k", old.Lease, "old", 0) {
			t.Error("the fill of who was held up was stored")
		}
		if !fill(t, q, "k", next.Lease, "new", 0) {
			t.Error("the fill of the successor was refused")
		}
	})
}

// A Set that was given up, and comes to the server when somebody has deleted the
// key since, does not bring anything back.
//
// SPEC: L03
func TestSetThatComesLate(t *testing.T) {
	for name, there := range map[string]bool{"absent": false, "present": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{}
				gate := make(chan struct{})
				p := f.at(t, func(c *memcached.Config) {
					c.Dial = func(ctx context.Context, addr string) (net.Conn, error) {
						conn, err := f.dial(ctx, addr)
						return &gated{Conn: conn, gate: gate}, err
					}
				})
				q := f.at(t)
				if there {
					fill(t, q, "k", acquire(t, q, "k", tier.AcquireOptions{}).Lease, "older", 0)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				defer cancel()
				if err := p.Set(ctx, "k", tier.Item{Data: []byte("old")}); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Set = %v, want its context's end", err)
				}
				if err := q.Delete(t.Context(), "k"); err != nil {
					t.Errorf("Delete = %v", err)
				}
				close(gate)
				synctest.Wait()
				if it, err := q.Get(t.Context(), "k"); it.Data != nil || err != nil {
					t.Errorf("after Delete and the Set that comes late, Get = %q, %v; want nothing", it.Data, err)
				}
			})
		})
	}
}

// A gated connection writes no ms before its gate is open.
type gated struct {
	net.Conn
	gate chan struct{}
}

func (c *gated) Write(b []byte) (int, error) {
	if strings.HasPrefix(string(b), "ms ") {
		<-c.gate
	}
	return c.Conn.Write(b)
}

// A caller that has left does not keep others waiting for the lease that the
// server then gave it.
func TestLeaseOfACallerThatLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		one := func(c *memcached.Config) { c.Conns = 1 }
		p, q := f.at(t, one), f.at(t, one)
		acquire(t, p, "other", tier.AcquireOptions{}) // it is connected
		acquire(t, q, "another", tier.AcquireOptions{})
		synctest.Wait()
		resume := f.pause()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := p.Acquire(ctx, "k", tier.AcquireOptions{LeaseTTL: time.Minute}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Acquire = %v, want its context's end", err)
		}
		resume()
		synctest.Wait()
		if g := acquire(t, q, "k", tier.AcquireOptions{}); g.Lease == (tier.Lease{}) {
			t.Errorf("the next one has %+v, want the lease at once", g)
		}
	})
}

// Who has lost a lease can neither renew nor end that of its successor.
//
// SPEC: R16, X02
func TestLostLeaseIsNoneOfItsHoldersBusiness(t *testing.T) {
	for name, lose := range map[string]func(t *testing.T, p *memcached.Store, l tier.Lease){
		"Renew": func(t *testing.T, p *memcached.Store, l tier.Lease) {
			if held, err := p.Renew(t.Context(), "k", l, time.Hour); held || err != nil {
				t.Errorf("Renew of a lease that another has = %t, %v; want it not held", held, err)
			}
		},
		"Release": func(t *testing.T, p *memcached.Store, l tier.Lease) {
			if err := p.Release(t.Context(), "k", l, 0); err != nil {
				t.Errorf("Release = %v", err)
			}
		},
		"Release after a failure": func(t *testing.T, p *memcached.Store, l tier.Lease) {
			if err := p.Release(t.Context(), "k", l, time.Minute); err != nil {
				t.Errorf("Release = %v", err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{}
				p, q := f.at(t), f.at(t)
				old := acquire(t, p, "k", tier.AcquireOptions{LeaseTTL: time.Hour}).Lease
				if err := q.Delete(t.Context(), "k"); err != nil {
					t.Fatal(err)
				}
				next := acquire(t, q, "k", tier.AcquireOptions{LeaseTTL: time.Hour}).Lease
				lose(t, p, old)
				if !fill(t, q, "k", next, "new", 0) {
					t.Errorf("the fill of the successor was refused")
				}
			})
		})
	}
}

// A server that was started anew counts its CAS from 1 again, so that a lease
// from before it may bear the number of one from after it.
//
// SPEC: R17, X09
func TestCASThatBeginsAnew(t *testing.T) {
	for name, tt := range map[string]struct {
		version string
		lose    func(*fake)
	}{
		"the connection tells":                   {"1.6.18", (*fake).restart},
		"behind a proxy, a CAS of its own tells": {"1.6.27", (*fake).loseItems},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{version: tt.version}
				p, q := f.at(t), f.at(t)
				old := acquire(t, p, "k", tier.AcquireOptions{})
				synctest.Wait()
				tt.lose(f)
				next := await(t, t.Context(), q, "k", tier.AcquireOptions{LeaseTTL: time.Second})
				synctest.Wait()
				if fill(t, p, "k", old.Lease, "old", 0) {
					t.Error("a fill with a lease from before the loss was stored")
				}
				if !fill(t, q, "k", next.Lease, "new", 0) {
					t.Error("the fill of who came after the loss was refused")
				}
			})
		})
	}
}

// What waiting for another process costs and how late it is.
//
// SPEC: X03
func TestWaitingIsCheapAndShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		p, q := f.at(t), f.at(t)
		for _, load := range []time.Duration{5 * time.Millisecond, 20 * time.Millisecond, 200 * time.Millisecond, 4 * time.Second, 4100 * time.Millisecond, 4200 * time.Millisecond, 4300 * time.Millisecond, 5 * time.Second} {
			key := load.String()
			lease := acquire(t, p, key, tier.AcquireOptions{LeaseTTL: time.Minute}).Lease
			synctest.Wait()
			began, asked := time.Now(), f.commands("mg")
			var (
				wg   sync.WaitGroup
				mu   sync.Mutex
				last time.Duration
			)
			for range 50 { // of one process
				wg.Go(func() {
					g := await(t, t.Context(), q, key, tier.AcquireOptions{LeaseTTL: time.Minute})
					if string(g.Item.Data) != "v" {
						t.Errorf("a waiter got %+v, want v", g)
					}
					mu.Lock()
					defer mu.Unlock()
					last = max(last, time.Since(began))
				})
			}
			time.Sleep(load)
			fill(t, p, key, lease, "v", 0)
			wg.Wait()
			if late := last - load; late > max(5*time.Millisecond, load/6) || late > 130*time.Millisecond {
				t.Errorf("a load of %v was known %v after its end", load, late)
			}
			looks, most := f.commands("mg")-asked-100, 55+int(14*load/time.Second)
			if looks > most {
				t.Errorf("waiting for %v took %d looks of a process, want %d or less", load, looks, most)
			}
		}
		if n := q.Watches(); n != 0 {
			t.Errorf("%d keys are still looked at, want none", n)
		}
	})
}

// Who waits for a key that nobody waits for any more ends with the lease.
func TestWatchEndsWithTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		p, q := f.at(t), f.at(t)
		acquire(t, p, "k", tier.AcquireOptions{LeaseTTL: 2 * time.Second})
		synctest.Wait()
		acquire(t, q, "k", tier.AcquireOptions{LeaseTTL: time.Minute})
		time.Sleep(2*time.Second + 200*time.Millisecond)
		if n := q.Watches(); n != 0 {
			t.Errorf("%d keys are looked at after the lease's end, want none", n)
		}
	})
}

// SPEC: X10
func TestFailedHolderLetsAllLoadAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		p := f.at(t)
		lease := acquire(t, p, "k", tier.AcquireOptions{}).Lease
		synctest.Wait()
		began := time.Now()
		var wg sync.WaitGroup
		for range 5 {
			s := f.at(t)
			wg.Go(func() {
				g := await(t, t.Context(), s, "k", tier.AcquireOptions{LeaseTTL: time.Minute})
				if took := time.Since(began); !g.LoadSelf || took > 120*time.Millisecond {
					t.Errorf("after %v a waiter has %+v, want LoadSelf within 120ms", took, g)
				}
			})
		}
		time.Sleep(100 * time.Millisecond)
		if err := p.Release(t.Context(), "k", lease, time.Second); err != nil {
			t.Errorf("Release = %v", err)
		}
		wg.Wait()
		time.Sleep(time.Second)
		if g := acquire(t, p, "k", tier.AcquireOptions{}); g.Lease == (tier.Lease{}) {
			t.Errorf("a second after, Acquire gives %+v, want a lease", g)
		}
	})
}

// A value that is too large for the server keeps nobody waiting for a value
// that never comes.
//
// SPEC: X10
func TestValueThatIsTooLarge(t *testing.T) {
	for name, cfg := range map[string]func(*memcached.Config){
		"for the config": func(c *memcached.Config) { c.MaxValue = 1000 },
		"for the server": func(c *memcached.Config) { c.MaxValue = 8 << 20 },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{}
				p, q := f.at(t, cfg), f.at(t, cfg)
				lease := acquire(t, p, "k", tier.AcquireOptions{}).Lease
				large := tier.Item{Data: make([]byte, 2<<20)}
				if stored, err := p.Fill(t.Context(), "k", lease, large); stored || !errors.Is(err, memcached.ErrTooLarge) {
					t.Errorf("Fill of 2 MB = %t, %v; want ErrTooLarge", stored, err)
				}
				if err := p.Set(t.Context(), "k", large); !errors.Is(err, memcached.ErrTooLarge) {
					t.Errorf("Set of 2 MB = %v; want ErrTooLarge", err)
				}
				synctest.Wait()
				if g := acquire(t, q, "k", tier.AcquireOptions{}); !g.LoadSelf {
					t.Errorf("the next one has %+v, want LoadSelf", g)
				}
			})
		})
	}
}

// Clocks that differ make no more than a second's difference to what a server
// keeps count of.
//
// SPEC: N09
func TestClocksThatDiffer(t *testing.T) {
	for _, skew := range []time.Duration{-time.Hour, -2 * time.Second, 2 * time.Second, time.Hour} {
		t.Run(skew.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{}
				p, q := f.at(t), f.at(t)
				q.SetClock(func() time.Time { return time.Now().Add(skew) })
				acquire(t, p, "lease", tier.AcquireOptions{LeaseTTL: 5 * time.Second})
				synctest.Wait()
				began := time.Now()
				await(t, t.Context(), q, "lease", tier.AcquireOptions{LeaseTTL: 5 * time.Second})
				if took := time.Since(began); took < 4*time.Second || took > 6100*time.Millisecond {
					t.Errorf("the lease ended after %v, want 5s, and a second more or less", took)
				}
				fill(t, p, "k", acquire(t, p, "k", tier.AcquireOptions{}).Lease, "v", 10*time.Second)
				it, err := q.Get(t.Context(), "k")
				if string(it.Data) != "v" || err != nil || it.TTL < 9*time.Second || it.TTL > 11*time.Second {
					t.Errorf("Get = %q for %v, %v; want v for 10s, and a second more or less", it.Data, it.TTL, err)
				}
				time.Sleep(12 * time.Second)
				if it, err := q.Get(t.Context(), "k"); it.Data != nil || err != nil {
					t.Errorf("Get after 12s = %q, %v; want nothing", it.Data, err)
				}
			})
		})
	}
}

// SPEC: X06
func TestItemsOfOthers(t *testing.T) {
	const magic = 0x4f460000
	for name, tt := range map[string]struct {
		flags    uint32
		data     string
		loadSelf bool
	}{
		"another program's":         {0, "hello", false},
		"another program's, empty":  {7, "", false},
		"a layout of later":         {magic | 0x0200 | 1, strings.Repeat("x", 50), true},
		"cut off":                   {magic | 0x0100 | 1, "0123456789", false},
		"cut off in a lease":        {magic | 0x0100 | 2, "0123456789abcd", false},
		"a time of the wrong size":  {magic | 0x0100 | 1, strings.Repeat("\xff", 50), false},
		"a lease of the wrong size": {magic | 0x0100 | 2, strings.Repeat("\xff", 50), false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{}
				s := f.at(t)
				f.items = map[string]*fakeItem{"p:kk": {data: tt.data, flags: fmt.Sprint(tt.flags), cas: 77}}
				f.cas = 77
				if it, err := s.Get(t.Context(), "k"); it.Data != nil || err != nil {
					t.Errorf("Get = %q, %v; want nothing", it.Data, err)
				}
				g := acquire(t, s, "k", tier.AcquireOptions{})
				if g.LoadSelf != tt.loadSelf || (g.Lease == tier.Lease{}) != tt.loadSelf || g.Item.Data != nil {
					t.Errorf("Acquire = %+v, want LoadSelf %t, or else the lease", g, tt.loadSelf)
				}
				if !tt.loadSelf && !fill(t, s, "k", g.Lease, "v", 0) {
					t.Errorf("the fill was refused")
				}
			})
		})
	}
}

// Leases that nobody fills or gives back are forgotten.
func TestForgottenLeasesGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := (&fake{}).at(t)
		for i := range 2000 {
			acquire(t, s, fmt.Sprint(i), tier.AcquireOptions{LeaseTTL: time.Second})
			time.Sleep(20 * time.Millisecond)
		}
		if n := s.Leases(); n > 300 {
			t.Errorf("%d leases are remembered, of which 50 have not ended", n)
		}
	})
}

// What memcached is told in seconds up to a month is told as a date beyond that.
func TestTTLOfMoreThanAMonth(t *testing.T) {
	const day = 24 * time.Hour
	for _, ttl := range []time.Duration{time.Second, 29 * day, 30*day - time.Millisecond, 30 * day, 31 * day, 60 * day} {
		t.Run(ttl.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{ahead: 900 * time.Millisecond}
				s := f.at(t)
				fill(t, s, "k", acquire(t, s, "k", tier.AcquireOptions{}).Lease, "v", ttl)
				time.Sleep(ttl - time.Millisecond)
				if it, err := s.Get(t.Context(), "k"); string(it.Data) != "v" || err != nil {
					t.Errorf("a millisecond before its end it is %q, %v; want v", it.Data, err)
				}
				time.Sleep(2 * time.Second)
				if it, err := s.Get(t.Context(), "k"); it.Data != nil || err != nil {
					t.Errorf("after its end it is %q, %v; want nothing", it.Data, err)
				}
				if a := f.do("mg", "p:kk", map[byte]string{'O': "1"}, ""); !strings.HasPrefix(a, "EN") {
					t.Errorf("memcached keeps it after its end: %q", a)
				}
			})
		})
	}
}

// A lease and the value beside it end each in its own time.
func TestLeaseAndValueEndApart(t *testing.T) {
	for name, tt := range map[string]struct{ value, lease time.Duration }{
		"the value first": {3 * time.Second, 30 * time.Second},
		"the lease first": {30 * time.Second, 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{}
				p, q := f.at(t), f.at(t)
				fill(t, p, "k", acquire(t, p, "k", tier.AcquireOptions{}).Lease, "v", tt.value)
				o := tier.AcquireOptions{LeaseTTL: tt.lease, RefreshBelow: time.Hour}
				acquire(t, p, "k", o)
				time.Sleep(10 * time.Second)
				g := acquire(t, q, "k", o)
				if (g.Item.Data != nil) != (tt.value > tt.lease) || (g.Changed != nil) != (tt.lease > tt.value) {
					t.Errorf("after 10s: %+v; want what has not ended", g)
				}
			})
		})
	}
}

// Who waits is woken by a restart, also where the new server's CAS is the one
// that was waited for.
func TestWaiterHearsOfARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		p, q, r := f.at(t), f.at(t), f.at(t)
		acquire(t, p, "k", tier.AcquireOptions{LeaseTTL: time.Minute})
		synctest.Wait()
		g := acquire(t, q, "k", tier.AcquireOptions{LeaseTTL: time.Minute})
		f.restart()
		acquire(t, r, "k", tier.AcquireOptions{LeaseTTL: time.Minute})
		began := time.Now()
		<-g.Changed
		if took := time.Since(began); took > time.Second {
			t.Errorf("woken after %v, want a second at most", took)
		}
	})
}
