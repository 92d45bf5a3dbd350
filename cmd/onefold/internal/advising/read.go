package advising

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/onefold-go/onefold/advise"
	"github.com/onefold-go/onefold/advise/trace"
)

// Read puts all records of a source into a study. told is given a line on how
// far it is, now and then; nil for none.
func Read(ctx context.Context, source *trace.Source, study *advise.Study, told func(string)) error {
	start := time.Now()
	next := start.Add(200 * time.Millisecond)
	return study.AddFrom(ctx, source, func() {
		if now := time.Now(); told != nil && now.After(next) {
			next = now.Add(200 * time.Millisecond)
			read, total := source.Progress()
			told(far(read, total, study.Requests(), now.Sub(start)))
		}
	})
}

// Input is what a reader has to say of the records, in the words of the command.
// Where files are on this machine is nothing for a report: one that is named by
// its whole path has its name there.
func Input(s trace.Summary) advise.Input {
	in := advise.InputFrom(s)
	var paths []string
	for i := range in.Files {
		if f := &in.Files[i]; filepath.IsAbs(f.Name) {
			paths = append(paths, f.Name, filepath.Base(f.Name))
			f.Name = filepath.Base(f.Name)
		}
	}
	named := strings.NewReplacer(paths...)
	for i := range in.Findings {
		f := &in.Findings[i]
		f.Text, f.Remedy = named.Replace(Words(f.Text)), named.Replace(Words(f.Remedy))
	}
	return in
}

// far says how far the reading is and how long it will take.
func far(read, total, requests int64, took time.Duration) string {
	if total <= 0 || read <= 0 {
		return fmt.Sprintf("%s requests, %s MiB read", count(requests), count(read>>20))
	}
	share := min(1, float64(read)/float64(total))
	left := time.Duration(float64(took) * (1 - share) / share).Round(time.Second)
	return fmt.Sprintf("%3.0f %%  %s requests, %v left", 100*share, count(requests), left)
}
