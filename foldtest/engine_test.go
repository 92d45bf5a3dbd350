package foldtest_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/foldtest"
	"github.com/onefold-go/onefold/tier"
)

var (
	leaseFor = tier.AcquireOptions{LeaseTTL: time.Minute}
	item     = tier.Item{Data: []byte("value"), TTL: time.Hour}
)

func acquire(t *testing.T, s *foldtest.Store, key string) tier.Grant {
	t.Helper()
	g, err := s.Acquire(t.Context(), key, leaseFor)
	if err != nil {
		t.Fatalf("Acquire = %v", err)
	}
	return g
}

func fill(t *testing.T, s *foldtest.Store, key string, lease tier.Lease, want bool) {
	t.Helper()
	stored, err := s.Fill(t.Context(), key, lease, item)
	if stored != want || err != nil {
		t.Errorf("Fill = %t, %v; want %t, nil", stored, err, want)
	}
}

func TestFaultsComeInOrder(t *testing.T) {
	var (
		engine foldtest.Engine
		s, q   = engine.Connect(), engine.Connect()
		other  = errors.New("another")
	)
	engine.Inject(foldtest.Get, foldtest.Fault{Err: other, Times: 2})
	engine.Inject(foldtest.AnyOp, foldtest.Fault{Err: other, Keys: []string{"x"}, Times: -1})
	s.Inject(foldtest.Get, foldtest.Fault{Err: foldtest.ErrInjected})
	get := func(s *foldtest.Store, key string, want error) {
		t.Helper()
		if _, err := s.Get(t.Context(), key); !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("Get = %v, want %v", err, want)
		}
	}
	get(s, "k", foldtest.ErrInjected)
	get(s, "k", other)
	get(q, "k", other)
	get(q, "k", nil)
	for range 3 {
		get(q, "x", other)
	}
	if err := s.Delete(t.Context(), "x"); !errors.Is(err, other) {
		t.Errorf("Delete = %v, want %v", err, other)
	}
	s.Inject(foldtest.Get, foldtest.Fault{Err: other})
	engine.Calm()
	get(s, "x", nil)
	if a, b, c := s.Calls(foldtest.Get), engine.Calls(foldtest.Get), engine.Calls(foldtest.AnyOp); a != 3 || b != 8 || c != 9 {
		t.Errorf("%d, %d and %d calls, want 3, 8 and 9", a, b, c)
	}
}

// A fault comes before the engine's work or after it.
func TestLostCallsAndLostAnswers(t *testing.T) {
	for _, after := range []bool{false, true} {
		engine := foldtest.Engine{Logging: true}
		s := engine.Connect()
		lease := acquire(t, s, "k").Lease
		s.Inject(foldtest.Fill, foldtest.Fault{Err: foldtest.ErrInjected, After: after})
		if stored, err := s.Fill(t.Context(), "k", lease, item); stored || !errors.Is(err, foldtest.ErrInjected) {
			t.Errorf("Fill = %t, %v; want false and the fault", stored, err)
		}
		if done := engine.Data("k") != nil; done != after {
			t.Errorf("with After %t, the engine has done it: %t", after, done)
		}
		if done := slices.Contains(engine.Log(), foldtest.Done{Op: foldtest.Fill, Key: "k"}); done != after {
			t.Errorf("with After %t, the log has it: %t", after, done)
		}
	}
}

func TestHangDelayAndPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var engine foldtest.Engine
		s := engine.Connect()
		s.Inject(foldtest.Get, foldtest.Fault{Delay: time.Second}, foldtest.Fault{Hang: true})
		start := time.Now()
		if _, err := s.Get(t.Context(), "k"); err != nil || time.Since(start) != time.Second {
			t.Errorf("a delayed Get = %v after %v, want nil after 1s", err, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := s.Get(ctx, "k"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a hanging Get = %v, want that of its context", err)
		}

		g := acquire(t, engine.Connect(), "held")
		waiting := acquire(t, s, "held")
		s.Pause()
		fill(t, engine.Connect(), "held", g.Lease, false) // not on its connection
		if err := engine.Connect().Delete(t.Context(), "held"); err != nil {
			t.Fatal(err)
		}
		answered := make(chan error, 1)
		go func() {
			_, err := s.Get(t.Context(), "k")
			answered <- err
		}()
		synctest.Wait()
		select {
		case <-answered:
			t.Errorf("a call on a paused connection was answered")
		case <-waiting.Changed:
			t.Errorf("a push came on a paused connection")
		default:
		}
		s.Resume()
		<-waiting.Changed
		if err := <-answered; err != nil {
			t.Errorf("Get after Resume = %v", err)
		}
	})
}

func TestSpoil(t *testing.T) {
	var engine foldtest.Engine
	s := engine.Connect()
	engine.Plant("k", []byte("value"), 0)
	s.Inject(foldtest.Get, foldtest.Fault{Spoil: foldtest.Truncate}, foldtest.Fault{Spoil: foldtest.Garbage})
	for _, want := range []func(data []byte) bool{
		func(data []byte) bool { return string(data) == "va" },
		func(data []byte) bool { return len(data) > 5 && !bytes.HasPrefix(data, []byte("v")) },
		func(data []byte) bool { return string(data) == "value" },
	} {
		if it, err := s.Get(t.Context(), "k"); err != nil || !want(it.Data) {
			t.Errorf("Get = %q, %v", it.Data, err)
		}
	}
}

// The slots of a batch fail one by one, or the batch as a whole.
func TestFaultsOfBatches(t *testing.T) {
	var engine foldtest.Engine
	s := engine.Connect()
	keys := []string{"a", "b", "c"}
	engine.Inject(foldtest.Acquire, foldtest.Fault{Err: foldtest.ErrInjected, Keys: []string{"b"}})
	grants, errs := s.AcquireMany(t.Context(), keys, leaseFor)
	for i := range keys {
		if failed := i == 1; (errs[i] != nil) != failed || (grants[i].Lease == tier.Lease{}) != failed {
			t.Errorf("slot %d: %+v, %v", i, grants[i], errs[i])
		}
	}
	engine.Inject(foldtest.DeleteMany, foldtest.Fault{Err: foldtest.ErrInjected})
	for i, err := range s.DeleteMany(t.Context(), keys) {
		if !errors.Is(err, foldtest.ErrInjected) {
			t.Errorf("slot %d: %v, want the fault", i, err)
		}
	}
	if n := engine.Calls(foldtest.AcquireMany); n != 1 || engine.Calls(foldtest.Acquire) != 0 {
		t.Errorf("%d calls of AcquireMany, want 1, and none of Acquire", n)
	}
}

// Leases die with their connection, whatever the engine remembers.
//
// SPEC: X09
func TestLeasesDieWithTheConnection(t *testing.T) {
	for name, lose := range map[string]func(e *foldtest.Engine, s *foldtest.Store, r *foldtest.Replica){
		"Drop":     func(_ *foldtest.Engine, s *foldtest.Store, _ *foldtest.Replica) { s.Drop() },
		"Restart":  func(e *foldtest.Engine, _ *foldtest.Store, _ *foldtest.Replica) { e.Restart() },
		"Failover": func(e *foldtest.Engine, _ *foldtest.Store, r *foldtest.Replica) { e.Failover(r) },
		"a fault": func(_ *foldtest.Engine, s *foldtest.Store, _ *foldtest.Replica) {
			s.Inject(foldtest.Get, foldtest.Fault{Drop: true})
			if _, err := s.Get(t.Context(), "other"); !errors.Is(err, foldtest.ErrDropped) {
				t.Errorf("Get = %v, want ErrDropped", err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				engine := new(foldtest.Engine)
				s, q := engine.Connect(), engine.Connect()
				lease := acquire(t, s, "k").Lease
				theirs := acquire(t, q, "theirs").Lease
				waiting := acquire(t, s, "theirs")
				replica := engine.Replica()
				ended := make(chan error, 1)
				go func() { ended <- s.Notify(t.Context(), func(tier.Change) {}) }()
				synctest.Wait()
				lose(engine, s, replica)
				<-waiting.Changed
				if err := <-ended; !errors.Is(err, foldtest.ErrDropped) {
					t.Errorf("Notify = %v, want ErrDropped", err)
				}
				fill(t, s, "k", lease, false)
				fill(t, q, "theirs", theirs, name == "Drop" || name == "a fault")
				time.Sleep(time.Minute)
				fill(t, s, "k", acquire(t, s, "k").Lease, true)
			})
		})
	}
}

// A failover loses what the replica had not heard of: a deleted value is back.
//
// SPEC: X09
func TestFailoverRevivesWhatWasDeleted(t *testing.T) {
	var engine foldtest.Engine
	s := engine.Connect()
	fill(t, s, "k", acquire(t, s, "k").Lease, true)
	before, err := s.Bump(t.Context(), "tag")
	if err != nil {
		t.Fatal(err)
	}
	replica := engine.Replica()
	if err := s.Delete(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Bump(t.Context(), "tag"); err != nil {
		t.Fatal(err)
	}
	engine.Failover(replica)
	if it, err := s.Get(t.Context(), "k"); string(it.Data) != "value" || err != nil {
		t.Errorf("Get = %q, %v; want what the replica had", it.Data, err)
	}
	if table, err := s.Tags(t.Context()); table.Seq != before.Seq || table.Epoch != before.Epoch || err != nil {
		t.Errorf("Tags = %+v, %v; want %+v", table, err, before)
	}
	engine.Restart()
	if table, err := s.Tags(t.Context()); table.Epoch == before.Epoch || table.Seq != 0 || err != nil {
		t.Errorf("Tags after a restart = %+v, %v; want another epoch", table, err)
	}
	if it, err := s.Get(t.Context(), "k"); it.Data != nil || err != nil {
		t.Errorf("Get after a restart = %q, %v; want nothing", it.Data, err)
	}
}

func TestEviction(t *testing.T) {
	var engine foldtest.Engine
	s := engine.Connect()
	engine.Plant("k", []byte("v"), time.Hour)
	before, err := s.Tags(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	engine.Evict("k")
	engine.EvictTags()
	if it, err := s.Get(t.Context(), "k"); it.Data != nil || err != nil {
		t.Errorf("Get = %q, %v; want nothing", it.Data, err)
	}
	if after, err := s.Tags(t.Context()); after.Epoch == before.Epoch || err != nil {
		t.Errorf("the epoch is still %d, %v", after.Epoch, err)
	}
}

// A bounded table forgets tags by raising its floor, never by forgetting that
// something is invalid.
func TestTagsAreTrimmed(t *testing.T) {
	engine := foldtest.Engine{MaxTags: 2}
	s := engine.Connect()
	var table tier.TagTable
	for _, tags := range [][]string{{"a"}, {"b"}, {"c", "d"}} {
		var err error
		if table, err = s.Bump(t.Context(), tags...); err != nil {
			t.Fatal(err)
		}
	}
	if len(table.Gens) != 2 || table.Gens["c"] != 3 || table.Gens["d"] != 3 || table.Floor != 2 {
		t.Errorf("the table is %+v, want c and d at 3 and a floor of 2", table)
	}
}

func TestPushFaults(t *testing.T) {
	for name, tt := range map[string]struct {
		fault foldtest.Fault
		want  []string
		err   error
	}{
		"none":  {foldtest.Fault{}, []string{"a", "b", "c"}, context.Canceled},
		"twice": {foldtest.Fault{Twice: true}, []string{"a", "a", "b", "c"}, context.Canceled},
		"late":  {foldtest.Fault{Late: true}, []string{"b", "a", "c"}, context.Canceled},
		"lost":  {foldtest.Fault{Lost: true}, []string{"b", "c"}, context.Canceled},
		"break": {foldtest.Fault{Err: foldtest.ErrInjected}, nil, foldtest.ErrInjected},
		"drop":  {foldtest.Fault{Drop: true}, nil, foldtest.ErrDropped},
		"second": {
			foldtest.Fault{Delay: time.Hour, Keys: []string{"b"}}, []string{"a"}, context.Canceled,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var (
					engine foldtest.Engine
					s, q   = engine.Connect(), engine.Connect()
					told   []string
					ended  = make(chan error, 1)
				)
				ctx, cancel := context.WithCancel(t.Context())
				go func() { ended <- s.Notify(ctx, func(c tier.Change) { told = append(told, c.Key) }) }()
				synctest.Wait()
				if !slices.Equal(told, []string{""}) {
					t.Errorf("Notify told of %q when it began, want one change of all", told)
				}
				told = nil
				s.Inject(foldtest.Push, tt.fault)
				for _, key := range []string{"a", "b", "c"} {
					if err := q.Delete(t.Context(), key); err != nil {
						t.Fatal(err)
					}
				}
				synctest.Wait()
				cancel()
				if err := <-ended; !errors.Is(err, tt.err) || !slices.Equal(told, tt.want) {
					t.Errorf("Notify told of %q and returned %v; want %q, %v", told, err, tt.want, tt.err)
				}
			})
		})
	}
}

// A reader that is too slow is told that it missed something.
func TestStreamIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			engine foldtest.Engine
			gate   foldtest.Gate
			s, q   = engine.Connect(), engine.Connect()
			told   []tier.Change
			ended  = make(chan error, 1)
		)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { ended <- s.Notify(ctx, func(c tier.Change) { told = append(told, c) }) }()
		synctest.Wait()
		told = nil
		engine.Inject(foldtest.Push, foldtest.Fault{Gate: &gate})
		for range 10_005 {
			if err := q.Delete(t.Context(), "k"); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		gate.Open()
		synctest.Wait()
		cancel()
		<-ended
		if !slices.ContainsFunc(told, func(c tier.Change) bool { return c.All }) && len(told) < 10_005 {
			t.Errorf("of 10,005 changes %d were told, and not that some were missed", len(told))
		}
	})
}
