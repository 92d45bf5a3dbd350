package advising

import (
	"reflect"
	"strings"

	"github.com/onefold-go/onefold/advise"
)

// words turn the names of the library's fields, which its messages speak of,
// into those of the flags that set them.
var words = strings.NewReplacer(pairs()...)

// Words writes a message of the library for somebody who types a command.
func Words(text string) string { return words.Replace(text) }

// pairs are names and flags, the longer before what they begin with.
func pairs() []string {
	list := []string{
		"Config.Stamp to Begin", "--stamp begin",
		"Config.Columns.Time", "--time",
		"Config.Columns.Key", "--key",
		"Config.Columns.Tenant", "--tenant",
		"Config.Columns.Client", "--client",
		"Config.Columns.Op", "--op",
		"Config.Columns.Status", "--status",
		"Config.Columns.Size", "--size",
		"Config.Columns.Duration", "--duration",
		"Config.Columns.Took", "--took",
		"Config.Columns.TTL", "--ttl-column",
		"Config.Columns.Cache", "--cache",
		"Config.Columns.Identity", "--identity",
		"Config.Columns says", "--time with --key says",
		"Config.Columns", "--time and --key",
		"Config.Format", "--format",
		"Config.Template", "--log-format",
		"Config.Pattern", "--pattern",
		"Config.Delimiter", "--delimiter",
		"Config.NoHeader", "--no-header",
		"Config.TimeLayout", "--time-layout",
		"Config.TimeUnit", "--time-unit",
		"Config.DurationUnit", "--duration-unit",
		"Config.TTLUnit", "--ttl-unit",
		"Config.Stamp", "--stamp",
		"Config.Ops", "--ops",
		"Config.KeepDuplicates", "--keep-duplicates",
		"Config.DropAlike", "--drop-alike",
		"Config.Reorder", "--reorder",
		"Config.MaxLine", "--max-line",
		"Config.MaxFiles", "--max-files",
		"Config.BadLines", "--bad-lines",
		"Config.ShowLines", "--show-lines",
		"Config.Names", "--show-keys",
		"Config.Seed", "--seed",

		"Config.TTL", "--ttl",
		"Config.MaxStale", "--max-stale",
		"Config.SLO.Quantile", "--slo",
		"Config.SLO.Limit", "--slo",
		"Config.Source.MaxConcurrent", "--source-concurrent",
		"Config.Source.MaxRPS", "--source-rps",
		"Config.Processes", "--processes",
		"Setting.Processes", "--processes",
		"Config.Routing", "--routing",
		"Config.Entries", "--entries",
		"Config.MemoryBytes", "--memory",
		"MemoryBytes is", "--memory is", // "Config.Entries is 5 and MemoryBytes is 6"
		"Config.Start", "--start",
		"Config.Loader", "--loader",
		"Config.Exact", "--exact",
		"Config.Safety.", "--answer ",
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[advise.Thresholds]()) {
		list = append(list, "Config.Thresholds."+f.Name, "--threshold "+f.Tag.Get("json"))
	}
	return list
}

// A worded error speaks of flags.
type worded struct{ error }

func (w worded) Error() string { return Words(w.error.Error()) }
func (w worded) Unwrap() error { return w.error }

// Worded has an error of the library speak of flags; nil stays nil.
func Worded(err error) error {
	if err == nil {
		return nil
	}
	return worded{err}
}
