package source
import ("testing";"time";"sort";"fmt")
func TestTmp(t *testing.T) {
  for _, n := range []int{0, 50, 2000, 10000, 50000, 100000} {
	var keys []string
	for i := range n { keys = append(keys, fmt.Sprintf("/a/%d/x", i)) }
	t0 := time.Now()
	s, err := OpenSQLite(t.Context(), Options{Keys: keys})
	if err != nil { t.Fatal(err) }
	open := time.Since(t0)
	var ds []time.Duration
	for i := range 400 {
		k := s.Keys()[i*7919%len(s.Keys())]
		t0 := time.Now()
		r, err := s.Load(t.Context(), k)
		if err != nil { t.Fatal(err) }
		ds = append(ds, time.Since(t0))
		if i == 0 { t.Logf("%+v", r) }
	}
	sort.Slice(ds, func(i, j int) bool { return ds[i] < ds[j] })
	t.Log(n, s, "open", open, "min", ds[0], "p10", ds[40], "p50", ds[200], "p90", ds[360], "max", ds[399])
	t.Log(s.Close())
  }
}
