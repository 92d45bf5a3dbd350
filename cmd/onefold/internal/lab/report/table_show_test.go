package report_test
import ("testing";"os"
"github.com/onefold-go/onefold/cmd/onefold/internal/lab/report")
func TestShow(t *testing.T){
 r:=example()
 for _,w:=range []int{200,120,100,80,50}{ println("width",w); report.Setup(os.Stdout,r,report.TableOptions{Width:w}); println(); report.Table(os.Stdout,r,report.TableOptions{Width:w, Explain: w==80})}
 r.Setup.Repeat=3
 for _,w:=range []int{200,120,80}{ println("width",w); report.Table(os.Stdout,r,report.TableOptions{Width:w})}
}
