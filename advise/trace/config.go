package trace

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"
)

// Config says how files are to be read. The zero Config finds everything out
// by itself; each field that is set takes a guess away.
type Config struct {
	// Format is how records are written. Zero means that it is detected, for
	// each file by itself.
	Format Format

	// Template is the log format of a web server as its own configuration has
	// it: nginx's log_format ("$remote_addr [$time_local] ..."), Apache's
	// LogFormat ("%h %t \"%r\" ...") or Envoy's ("[%START_TIME%] ...").
	Template string

	// Pattern is a regular expression with named groups for a log that no
	// other reader knows: (?P<time>...) and (?P<key>...), and any other of the
	// names that Columns has. Lines that do not match are passed over.
	Pattern string

	// Columns name the columns of CSV, TSV and JSONL.
	Columns Columns

	// Delimiter of a CSV file. Zero means that it is detected.
	Delimiter byte

	// NoHeader says that the first line of a CSV file is a record.
	NoHeader bool

	// TimeLayout is how times are written, as of package time. Empty means
	// that it is detected.
	TimeLayout string

	// TimeUnit is what a time that is a number counts, from a nanosecond to a
	// second. Zero means that it follows from the column's name or from the
	// number itself, which says so when it is a date between 1990 and 2100.
	TimeUnit time.Duration

	// DurationUnit and TTLUnit are the same for those columns. Zero means that
	// it follows from the format or the column's name; else it is a guess that
	// is reported.
	DurationUnit, TTLUnit time.Duration

	// Stamp says which end of an access its time is. Zero means what is usual
	// for the format.
	Stamp Stamp

	// Ops are the operations or methods whose records are kept, such as GET,
	// in any case of letters. Empty means all. Others are counted.
	Ops []string

	// KeepDuplicates hands out records that a capture saw twice. They are
	// counted either way.
	KeepDuplicates bool

	// DropAlike leaves out records that are like another in all but the time,
	// and within 100 µs of it. Without it they are counted only: where many
	// ask for one key, they may be accesses of their own.
	DropAlike bool

	// Reorder is how many records are held back to put those into order that
	// come late. Zero means 65,536. What comes later still is given the time
	// of the record before it, and counted.
	Reorder int

	// MaxLine is how long a line may be, in bytes. Zero means 1 MiB. A longer
	// one is a bad line.
	MaxLine int

	// MaxFiles is how many files may be merged. Zero means 256.
	MaxFiles int

	// BadLines is how many bad lines are kept to be shown. Zero means 5.
	BadLines int

	// ShowLines keeps the text of those lines. Without it they are described,
	// for a line may hold a key or a client's address.
	ShowLines bool

	// Seed makes the hashes of keys the same in each run. Zero means a secret
	// that the process makes and forgets.
	Seed uint64

	// Names is how many keys' names are kept, those asked for most. Zero means
	// none.
	Names int

	// Digest has the SHA-256 of each file worked out, as sha256sum would.
	Digest bool
}

// Columns say which columns hold what. A column is named as in the header, or
// as in the JSON object with points between names of nested ones, or by its
// number, from 1. Empty means that it is found by its usual names.
type Columns struct {
	Time string

	// Key columns together are what was asked for.
	Key []string

	// Tenant is part of the key, before all others.
	Tenant string

	Client   string
	Op       string
	Status   string
	Size     string
	Duration string // of the load, where it is apart from that of the request
	Took     string // of the request
	TTL      string
	Cache    string // what a cache in front said: HIT, MISS, ...

	// Identity columns tell one access from another: of two records that agree
	// in them and in the key, one is a duplicate.
	Identity []string
}

// A Stamp says which end of an access a file's times are.
type Stamp uint8

// The stamps.
const (
	UsualStamp Stamp = iota // what is usual for the format
	Begin                   // when the access began
	End                     // when it was over
)

// String names the stamp.
func (s Stamp) String() string {
	switch s {
	case Begin:
		return "begin"
	case End:
		return "end"
	default:
		return "usual"
	}
}

const (
	defaultReorder  = 1 << 16
	defaultMaxLine  = 1 << 20
	defaultMaxFiles = 256
	defaultBadLines = 5
)

func (c Config) withDefaults() Config {
	zero := func(n *int, v int) {
		if *n == 0 {
			*n = v
		}
	}
	zero(&c.Reorder, defaultReorder)
	zero(&c.MaxLine, defaultMaxLine)
	zero(&c.MaxFiles, defaultMaxFiles)
	zero(&c.BadLines, defaultBadLines)
	return c
}

func (c Config) validate() error {
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf("trace: "+format, args...)) }

	if int(c.Format) >= len(formatNames) {
		fault("Config.Format is %d, want one of the formats", c.Format)
	}
	for _, u := range []struct {
		name string
		d    time.Duration
	}{{"TimeUnit", c.TimeUnit}, {"DurationUnit", c.DurationUnit}, {"TTLUnit", c.TTLUnit}} {
		if u.d < 0 || u.d > time.Second {
			fault("Config.%s is %v, want one from 1ns to 1s", u.name, u.d)
		}
	}
	for _, n := range []struct {
		name string
		n    int
		max  int
	}{
		{"Reorder", c.Reorder, 1 << 24},
		{"MaxLine", c.MaxLine, 1 << 28},
		{"MaxFiles", c.MaxFiles, 1 << 16},
		{"BadLines", c.BadLines, 1000},
		{"Names", c.Names, 1 << 20},
	} {
		if n.n < 0 || n.n > n.max {
			fault("Config.%s is %d, want 0 to %d", n.name, n.n, n.max)
		}
	}
	if c.Stamp > End {
		fault("Config.Stamp is %d, want UsualStamp, Begin or End", c.Stamp)
	}
	if c.TimeLayout != "" && c.TimeUnit != 0 {
		fault("Config has TimeLayout %q and TimeUnit %v: a time is a text or a number, set one", c.TimeLayout, c.TimeUnit)
	}
	if c.Template != "" && c.Pattern != "" {
		fault("Config has a Template and a Pattern: set one")
	}
	if c.Pattern != "" {
		re, err := regexp.Compile(c.Pattern)
		switch {
		case err != nil:
			fault("Config.Pattern: %w", err)
		case !slices.Contains(re.SubexpNames(), "time"):
			fault("Config.Pattern %q has no group (?P<time>...)", c.Pattern)
		case !slices.Contains(re.SubexpNames(), "key") && !slices.Contains(re.SubexpNames(), "request"):
			fault("Config.Pattern %q has no group (?P<key>...) or (?P<request>...)", c.Pattern)
		}
	}
	if c.Template != "" {
		if _, err := compileTemplate(c.Template); err != nil {
			errs = append(errs, err)
		}
	}
	if len(c.Columns.Key) > maxParts {
		fault("Config.Columns.Key has %d columns, want up to %d", len(c.Columns.Key), maxParts)
	}
	if len(c.Columns.Identity) > maxParts {
		fault("Config.Columns.Identity has %d columns, want up to %d", len(c.Columns.Identity), maxParts)
	}
	return errors.Join(errs...)
}
