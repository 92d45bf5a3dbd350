package memo
import ("context";"testing";"time";"fmt")
type o1 struct{}
func mk(depth int) context.Context {
 ctx, _ := context.WithCancel(context.Background()) // the server's
 ctx = context.WithValue(ctx, o1{}, 1)
 ctx, _ = context.WithCancel(ctx) // the request's
 ctx = With(ctx, Config{})
 for i:=range depth { if i%3==1 { ctx,_=context.WithTimeout(ctx, time.Hour) } else { ctx=context.WithValue(ctx,o1{},i) } }
 return ctx
}
var sink any
type fixed struct{}
func (fixed) Get(ctx context.Context, k int64) (int64, error) { return k, nil }
func (fixed) Delete(ctx context.Context, k ...int64) error { return nil }
func (fixed) Write(ctx context.Context, k int64, w func(context.Context) error) error { return w(ctx) }
type o2 struct{ context.Context }
func TestZZMin(t *testing.T) {
 type cas struct{n string; f func(int)}
 var cs []cas
 x:=int64(0)
 for _, d := range []int{0,2,4,8} {
  v := Over[int64,int64](fixed{})
  ctx := mk(d)
  for k:=range int64(20) { v.Get(ctx,k) }
  cs = append(cs, cas{fmt.Sprint("value ",d), func(n int){for range n{sink=ctx.Value(&self)}}},
   cas{fmt.Sprint("of ",d), func(n int){for range n{sink=of(ctx)}}},
   cas{fmt.Sprint("hit ",d), func(n int){k:=int64(0);for range n{k++;if k==20{k=0};u,_:=v.Get(ctx,k);x+=u}}})
 }
 ctx0 := context.Background()
 v := Over[int64,int64](fixed{})
 cs = append(cs, cas{"absent", func(n int){for range n{u,_:=v.Get(ctx0,1);x+=u}}})
 best:=make([]float64,len(cs)); for i:=range best{best[i]=1e9}
 const n=2000
 for range 4000 { for i,c:=range cs { t0:=time.Now(); c.f(n); d:=float64(time.Since(t0))/n; best[i]=min(best[i],d)} }
 for i,c:=range cs{ fmt.Printf("%-10s %.1f ns\n",c.n,best[i]) }
 ctx:=mk(4); v.Get(ctx,1)
 fmt.Println(testing.AllocsPerRun(1000,func(){v.Get(ctx,1)}), testing.AllocsPerRun(1000,func(){v.Get(ctx0,1)}))
}
func BenchmarkMiss(b *testing.B) {
  v := Over[int64,int64](fixed{})
  base, cancel := context.WithCancel(context.Background()); defer cancel()
  ctx := With(base, Config{MaxEntries: 1<<40}); b.ReportAllocs(); k:=int64(0)
  for b.Loop() { k++; if k%100==0 {ctx = With(base, Config{})}; v.Get(ctx, k) }
}
