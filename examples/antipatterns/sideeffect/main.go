//go:build antipatterns

// Command sideeffect writes the audit record of an access in the load: of all
// who share it, one is on record.
package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/onefold-go/onefold/singleflight"
)

type policy struct {
	group singleflight.Group

	mu      sync.Mutex
	records []string // guarded by mu
}

// check says whether a document may be read. Each reader must be on record.
func (p *policy) check(reader, document string) (any, error) {
	v, err, _ := p.group.Do(document, func() (any, error) {
		p.audit(reader, document) // wrong
		time.Sleep(50 * time.Millisecond)
		return true, nil
	})
	return v, err
}

func (p *policy) audit(reader, document string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.records = append(p.records, reader+" read "+document)
}

func main() {
	var (
		p  policy
		wg sync.WaitGroup
	)
	readers := []string{"ada", "grace", "edsger", "barbara"}
	for _, r := range readers {
		wg.Go(func() {
			if _, err := p.check(r, "payroll"); err != nil {
				fmt.Println(err)
			}
		})
	}
	wg.Wait()
	fmt.Printf("readers: %d, on record: %q\n", len(readers), p.records)
}
