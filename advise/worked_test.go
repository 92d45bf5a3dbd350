package advise_test

import (
	"strings"
	"testing"
	"time"

	"github.com/onefold-go/onefold/advise"
)

// The three worked examples of the text that the verdicts follow.

// profiles is a service that shows users: ten are famous and get half of the
// requests.
func profiles() *made {
	m := maker(1)
	return m.poisson(5000, 12*time.Second, func() uint64 {
		if m.random.IntN(2) == 0 {
			return m.random.Uint64N(10)
		}
		return 10 + m.random.Uint64N(500)
	})
}

// Worked example 1, user profiles: a pure read of 5 to 20 ms, now and then
// 200 ms; famous users; late arrivals are tolerated. Coalescing is right.
func TestUserProfiles(t *testing.T) {
	r := report(t, profiles(), advise.Config{
		TTL: 5 * time.Second, Loader: loader(t, "p50=10ms,p99=200ms"), SLO: advise.SLO{Quantile: 0.99, Limit: 300 * time.Millisecond}, Safety: safe,
	})
	want(t, r, advise.CacheCoalesce, advise.CacheBoth)
	for _, q := range r.Questions {
		if q.Answer != advise.Yes {
			t.Errorf("%s %v: %s", q.Text, q.Answer, q.Evidence)
		}
	}
}

// Worked example 2, access checks that are audited: each must be logged, so that
// sharing them would lose entries. Coalescing is wrong whatever it saves.
func TestAuditedChecks(t *testing.T) {
	replies := safe
	replies.Idempotent = advise.Reply{Answer: advise.No, Because: "each check writes an audit record"}
	r := report(t, profiles(), advise.Config{TTL: 5 * time.Second, Loader: loader(t, "p50=10ms,p99=200ms"), Safety: replies})
	want(t, r, advise.RefuseUnsafe)
	if !r.Verdict.IfSafe.Coalesces() {
		t.Errorf("if it were safe: %s, want coalescing", r.Verdict.IfSafe)
	}
	if !strings.Contains(strings.Join(r.Verdict.Flips, "\n"), "outside of the load") {
		t.Errorf("flips %q do not say what to change", r.Verdict.Flips)
	}
	if r.Safety[0].Because != "each check writes an audit record" {
		t.Errorf("the justification is lost: %+v", r.Safety[0])
	}
}

// Worked example 3, configuration per tenant: right if the tenant is in the key,
// and wrong otherwise.
func TestTenantConfig(t *testing.T) {
	config := advise.Config{TTL: 5 * time.Second, Loader: loader(t, "p50=15ms,p99=60ms"), Safety: safe}
	trace := func(tenantInKey bool) *made {
		m := maker(3)
		tenant := m.zipf(1.3, 400)
		m.poisson(3000, 20*time.Second, tenant)
		for i := range m.records {
			r := &m.records[i]
			r.Client = r.Key
			if !tenantInKey {
				r.Key = hash(9)
			}
		}
		return m
	}
	want(t, report(t, trace(true), config), advise.CacheCoalesce, advise.CacheBoth)

	config.Safety.SameForAll = advise.Reply{Answer: advise.No, Because: "the key is config, for all tenants"}
	r := report(t, trace(false), config)
	want(t, r, advise.RefuseUnsafe)
	if flips := strings.Join(r.Verdict.Flips, "\n"); !strings.Contains(flips, "tenant") {
		t.Errorf("flips %q do not name the tenant", flips)
	}
	if hints := strings.Join(r.Safety[1].Hints, "\n"); !strings.Contains(hints, "clients") {
		t.Errorf("hints %q do not tell of the clients of one key", hints)
	}
}
