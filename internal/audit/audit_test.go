package audit

import (
	"fmt"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// ledger is a table and what it reported.
type ledger struct {
	*Table[string]
	mu   sync.Mutex
	told []Difference
}

func newLedger(a Audit) *ledger {
	l := new(ledger)
	a.Report = func(d Difference) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.told = append(l.told, d)
	}
	l.Table = NewTable[string](&a, "users", true, 0, nil)
	return l
}

func (l *ledger) load(key string, value any) { l.Loaded(key, l.Begin(key), value, fmt.Sprint) }

func TestLoadsWithinTheWindowAreCompared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger(Audit{Window: time.Minute})
		l.load("a", 1)
		l.load("a", 1)
		l.load("b", 2)
		time.Sleep(61 * time.Second)
		l.load("a", 2) // as a minute is over
		if l.told != nil {
			t.Fatalf("told %+v, want nothing", l.told)
		}
		time.Sleep(time.Second)
		l.load("a", 3)
		want := []Difference{{Name: "users", Key: "a", Apart: time.Second, Loads: [2]string{"fmt.Sprint", "fmt.Sprint"}}}
		if !reflect.DeepEqual(l.told, want) {
			t.Errorf("told %+v, want %+v", l.told, want)
		}
	})
}

func TestWhatIsInvalidatedIsNotCompared(t *testing.T) {
	for name, forget := range map[string]func(*ledger){
		"Forget":     func(l *ledger) { l.Forget("a") },
		"ForgetAll":  func(l *ledger) { l.ForgetAll() },
		"ForgetSlot": func(l *ledger) { l.ForgetSlot(l.slot("a")) },
	} {
		// Between two loads, and while the first or the second runs.
		l := newLedger(Audit{})
		l.load("a", 1)
		forget(l)
		l.load("a", 2)

		l = newLedger(Audit{})
		m := l.Begin("a")
		forget(l)
		l.Loaded("a", m, 1, nil)
		l.load("a", 2)

		l.load("b", 1)
		m = l.Begin("a")
		forget(l)
		l.Loaded("a", m, 3, nil)
		l.load("a", 4)
		if l.told != nil {
			t.Errorf("%s: told %+v, want nothing", name, l.told)
		}
	}
}

func TestOverlappingLoadsAreNotCompared(t *testing.T) {
	l := newLedger(Audit{})
	first, second := l.Begin("a"), l.Begin("a")
	l.Loaded("a", second, 2, nil)
	l.Loaded("a", first, 1, nil)
	l.load("a", 2)
	if l.told != nil {
		t.Errorf("told %+v, want nothing: the older load ended last, and was dropped", l.told)
	}
}

func TestACheckIsOfTheLastAnswer(t *testing.T) {
	l := newLedger(Audit{})
	l.load("a", "ada")
	m := l.Begin("a")
	l.Checked("a", m, "ada", "ada", nil)
	l.Checked("a", m, "an older one", "ada", nil)
	if l.told != nil {
		t.Fatalf("told %+v, want nothing", l.told)
	}
	l.Checked("a", m, "ada", "bob", fmt.Sprint)
	if len(l.told) != 1 || !l.told[0].Shadow {
		t.Fatalf("told %+v, want one difference found by a check", l.told)
	}
	l.Forget("a")
	l.Checked("a", m, "ada", "bob", nil)
	if len(l.told) != 1 {
		t.Errorf("told %+v of a key that was invalidated", l.told[1:])
	}
}

func TestMaxKeysBoundsWhatIsRemembered(t *testing.T) {
	l := newLedger(Audit{MaxKeys: 10})
	for i := range 1000 {
		l.load(fmt.Sprint(i), i)
	}
	if len(l.keys) != 10 {
		t.Errorf("%d keys remembered, want 10", len(l.keys))
	}
}
