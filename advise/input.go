package advise

import "github.com/onefold-go/onefold/advise/trace"

// InputFrom is what a reader of package trace has to say of the records, once it
// has read them all.
func InputFrom(s trace.Summary) Input {
	in := Input{
		Start:            s.Start,
		Tick:             s.Resolution.Tick,
		KeysLookedAt:     int64(s.Keys.LookedAtDistinct), //nolint:gosec // counts of records
		RequestsLookedAt: int64(s.Keys.LookedAt),         //nolint:gosec // likewise
	}
	var twice uint64
	for _, f := range s.Files {
		in.Files = append(in.Files, File{
			Name: f.Guess.File, Format: f.Guess.Format.String(), SHA256: f.Digest,
			Records: int64(f.Records), Bad: int64(f.Bad), //nolint:gosec // likewise
		})
		twice += f.Duplicates + f.Suspected
	}
	if s.Records > 0 {
		in.NearDuplicates = float64(twice) / float64(s.Records)
	}
	for _, f := range s.Findings {
		in.Findings = append(in.Findings, Finding{Severity: f.Severity.String(), Text: f.Text, Remedy: f.Remedy})
	}
	for _, p := range s.Keys.Parts {
		in.Parts = append(in.Parts, KeyPart{Name: p.Name, Keys: int64(p.Keys)}) //nolint:gosec // likewise
	}
	if len(s.Names) > 0 {
		in.Names = make(map[uint64]string, len(s.Names))
		for _, n := range s.Names {
			in.Names[n.Key] = n.Text
		}
	}
	return in
}
