package onefold_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold"
)

type tenantKey struct{}

// answersTold collects what an audit reports.
type answersTold struct {
	mu  sync.Mutex
	all []onefold.Difference
}

func (d *answersTold) add(one onefold.Difference) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all = append(d.all, one)
}

func as(tenant string) context.Context {
	return context.WithValue(context.Background(), tenantKey{}, tenant)
}

func profile(ctx context.Context, id string) (string, error) {
	time.Sleep(time.Second)
	tenant, _ := ctx.Value(tenantKey{}).(string)
	return tenant + "'s " + id, nil
}

func TestAuditFindsTwoAnswersToOneKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var found answersTold
		g := onefold.Group[string, string]{Config: onefold.Config{Name: "profiles", ShowKeys: true, Audit: &onefold.Audit{Report: found.add}}}
		for _, tenant := range []string{"acme", "acme", "globex"} {
			if v, err := g.Do(as(tenant), "ada", profile); v != tenant+"'s ada" || err != nil {
				t.Fatalf("Do = %q, %v", v, err)
			}
		}
		if len(found.all) != 1 || found.all[0].Key != "ada" || found.all[0].Name != "profiles" || found.all[0].Shadow {
			t.Errorf("found %+v, want one difference, of ada", found.all)
		}
		g.Forget("ada")
		_, _ = g.Do(as("acme"), "ada", profile)
		if len(found.all) != 1 {
			t.Errorf("found %+v, after Forget", found.all[1:])
		}
	})
}

func TestAuditChecksJoinedAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var found answersTold
		g := onefold.Group[string, string]{Config: onefold.Config{Audit: &onefold.Audit{Shadow: 1, Report: found.add}}}
		var wg sync.WaitGroup
		for i, tenant := range []string{"acme", "acme", "globex"} {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond)
				if v, err := g.Do(as(tenant), "ada", profile); v != "acme's ada" || err != nil {
					t.Errorf("%s: Do = %q, %v; want the shared answer", tenant, v, err)
				}
			})
		}
		wg.Wait()
		if len(found.all) != 1 || !found.all[0].Shadow || found.all[0].Key == "ada" {
			t.Errorf("found %+v, want what globex would have got to differ, of a key that is not shown", found.all)
		}
	})
}

func TestAuditSparesCallersTheCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var found answersTold
		g := onefold.Group[string, string]{Config: onefold.Config{Audit: &onefold.Audit{Shadow: 1, Report: found.add}}}
		var wg sync.WaitGroup
		calls := 0
		for range 2 {
			wg.Go(func() {
				v, err := g.Do(context.Background(), "k", func(context.Context, string) (string, error) {
					time.Sleep(time.Second)
					if calls++; calls > 1 {
						panic("only the first load does well")
					}
					return "v", nil
				})
				if v != "v" || err != nil {
					t.Errorf("Do = %q, %v", v, err)
				}
			})
		}
		wg.Wait()
		if calls != 2 || found.all != nil {
			t.Errorf("%d loads, found %+v; want 2 and nothing", calls, found.all)
		}
	})
}

func TestAuditSeesWhatLoadsMaySee(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, cfg := range map[string]onefold.Config{
			"Bounded": {LoadContext: onefold.Bounded, LoadTimeout: time.Minute},
			"Carry":   {Carry: onefold.CarryOnly("trace")},
		} {
			var found answersTold
			cfg.Audit = &onefold.Audit{Shadow: 1, Report: found.add}
			g := onefold.Group[string, string]{Config: cfg}
			var wg sync.WaitGroup
			for _, tenant := range []string{"acme", "globex"} {
				wg.Go(func() { _, _ = g.Do(as(tenant), "ada", profile) })
			}
			wg.Wait()
			if found.all != nil {
				t.Errorf("%s: found %+v, where no load sees a tenant", name, found.all)
			}
		}
	})
}

func TestAuditIsValidated(t *testing.T) {
	err := onefold.Config{Audit: &onefold.Audit{Window: -1, Shadow: 2, MaxKeys: -3}}.Validate()
	want := "onefold: Config.Audit.Window is -1ns, want 0 (the TTL) or more\n" +
		"onefold: Config.Audit.Shadow is 2, want 0 to 1\n" +
		"onefold: Config.Audit.MaxKeys is -3, want 0 (10000) or more"
	if err == nil || err.Error() != want {
		t.Errorf("Validate = %v, want %s", err, want)
	}
}

func TestAuditSaysNothingOfErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var found answersTold
		g := onefold.Group[string, int]{Config: onefold.Config{Audit: &onefold.Audit{Report: found.add}}}
		for i := range 4 {
			_, _ = g.Do(context.Background(), "k", func(context.Context, string) (int, error) {
				if i%2 == 0 {
					return i, errors.New("down")
				}
				return 7, nil
			})
		}
		if found.all != nil {
			t.Errorf("found %+v", found.all)
		}
	})
}

func ExampleAudit() {
	type localeKey struct{}
	greet := func(ctx context.Context, name string) (string, error) {
		if ctx.Value(localeKey{}) == "de" { // which the key does not say
			return "Hallo " + name, nil
		}
		return "Hello " + name, nil
	}

	audit := &onefold.Audit{Report: func(d onefold.Difference) { fmt.Println("two answers to", d.Key, "in", d.Name) }}
	g := onefold.Group[string, string]{Config: onefold.Config{Name: "greetings", ShowKeys: true, Audit: audit}}

	_, _ = g.Do(context.Background(), "Ada", greet)
	_, _ = g.Do(context.WithValue(context.Background(), localeKey{}, "de"), "Ada", greet)
	// Output: two answers to Ada in greetings
}
