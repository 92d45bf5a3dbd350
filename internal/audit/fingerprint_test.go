package audit

import (
	"slices"
	"testing"
	"time"
)

type address struct {
	street string
	at     *time.Time
}

type user struct {
	Name    string
	Tags    []string
	Home    *address
	Rights  map[string]int
	Seen    time.Time
	Any     any
	changed func()
	next    *user
}

func sample() *user {
	at := time.Unix(10, 0)
	return &user{
		Name: "ada", Tags: []string{"a", "b"}, Home: &address{"s", &at}, Rights: map[string]int{"x": 1, "y": 2, "z": 3},
		Seen: time.Unix(5, 0), Any: []any{1, "two", nil}, changed: func() {},
	}
}

func TestFingerprintIsOfWhatAValueHolds(t *testing.T) {
	a, _ := fingerprint(sample())
	for range 50 { // maps are walked in another order each time
		if b, _ := fingerprint(sample()); b.whole != a.whole || !slices.Equal(b.parts, a.parts) {
			t.Fatal("two values that hold the same have different fingerprints")
		}
	}
	same := sample()
	same.Seen = same.Seen.In(time.FixedZone("x", 3600))
	same.changed = nil
	if b, _ := fingerprint(same); b.whole != a.whole {
		t.Error("an instant written in another zone, or another function, changes the fingerprint")
	}
}

func TestFingerprintTellsValuesApart(t *testing.T) {
	a, _ := fingerprint(sample())
	for name, change := range map[string]func(*user){
		"Name":   func(u *user) { u.Name = "bob" },
		"Tags":   func(u *user) { u.Tags = []string{"b", "a"} },
		"Home":   func(u *user) { u.Home.street = "t" },
		"Rights": func(u *user) { u.Rights["z"] = 4 },
		"Seen":   func(u *user) { u.Seen = time.Unix(6, 0) },
		"Any":    func(u *user) { u.Any = []any{int64(1), "two", nil} },
		"next":   func(u *user) { u.next = &user{} },
	} {
		changed := sample()
		change(changed)
		b, fields := fingerprint(changed)
		if b.whole == a.whole {
			t.Errorf("a change of %s does not change the fingerprint", name)
		}
		if got := differing(a, b, fields); len(got) != 1 || got[0] != name {
			t.Errorf("a change of %s: fields %v differ, want that one", name, got)
		}
	}
}

func TestFingerprintOfARingEnds(t *testing.T) {
	u := sample()
	u.next = &user{next: u}
	if p, _ := fingerprint(u); p.whole == 0 {
		t.Error("no fingerprint")
	}
	deep := any(1)
	for range 10_000 {
		deep = []any{deep}
	}
	fingerprint(deep)
	fingerprint(nil)
	fingerprint((*user)(nil))
}
