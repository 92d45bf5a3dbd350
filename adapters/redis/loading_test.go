package redis_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/onefold-go/onefold/tier"
)

// A server that reads what it had written down answers LOADING to all that is
// asked, for as long as that takes: here about a second. Callers get the source's
// value, no error and nothing that was deleted meanwhile; then they share again.
//
// SPEC: R03, R18, X05
func TestServerThatIsLoading(t *testing.T) {
	s := startRedis(t, "--key-load-delay", "200", "--loading-process-events-interval-bytes", "1024", "--enable-debug-command", "yes")
	control := admin(t, s.Addr)
	src := newSource("old")
	cfg := tier.Config{FarBudget: 5 * time.Second, TTL: time.Hour}
	p := newProcess(t, open(t, url(s.Addr), quick), cfg, src.load)
	q := newProcess(t, open(t, url(s.Addr), quick), cfg, src.load)
	live(t, p.store, q.store)
	p.want(t, "deleted", "old")
	q.want(t, "deleted", "old")
	ask(t, control, "DEBUG", "POPULATE", "5000", "filler", "100")
	ask(t, control, "SAVE")
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}

	loading := func() bool {
		c := control.Do(t.Context(), control.B().Info().Section("persistence").Build())
		info, err := c.ToString()
		return err == nil && strings.Contains(info, "loading:1")
	}
	eventually(t, "the server says that it is loading", loading)
	src.value.Store("new")
	var failed *tier.DeleteError
	if err := p.Delete(t.Context(), "deleted"); !errors.As(err, &failed) || !strings.Contains(err.Error(), "LOADING") {
		t.Fatalf("Delete while the server is loading = %v, want a *DeleteError that says so", err)
	}
	if st := p.store.Stats(); st.State != "closed" || st.Undelivered != 1 {
		t.Errorf("Stats while the server is loading = %+v; want it closed, since it answers, and 1 undelivered", st)
	}
	n, refused := 0, p.store.Stats().Refused
	for ; n < 100 && loading(); n++ {
		before := src.loads.Load()
		p.want(t, fmt.Sprint(n), "new")
		p.want(t, "deleted", "new")
		if src.loads.Load() == before {
			t.Errorf("Get of a new key: no load from the source")
		}
	}
	if now := p.store.Stats().Refused; now != refused {
		t.Errorf("%d calls were refused, want none: the server answers", now-refused)
	}
	if n < 3 {
		t.Fatalf("the server was loading for %d calls, want more of them", n)
	}
	eventually(t, "the server has loaded", func() bool { return !loading() })
	eventually(t, "processes share again what one of them loads", func() bool {
		n++
		key := fmt.Sprint("after ", n)
		p.want(t, key, "new")
		r := q.GetResult(t.Context(), key, tier.Read{})
		return r.Err == nil && r.Value == "new" && r.Level == tier.Level(1)
	})
	eventually(t, "the Delete is delivered", func() bool { return p.store.Stats().Undelivered == 0 })
	live(t, p.store, q.store)
	for _, c := range []process{p, q} {
		c.want(t, "deleted", "new")
	}
}
