package arrival

import (
	"fmt"
	"strings"
	"time"
)

// The usual names of columns, the likelier first.
var (
	timeNames   = []string{"time", "timestamp", "ts", "@timestamp", "start_time", "datetime", "date", "time_iso8601", "time_local", "msec", "at"}
	keyNames    = []string{"key", "cache_key", "obj_id", "object_id", "object", "lbn", "lba", "url", "uri", "request_uri", "path", "target", "query", "sku", "id", "name"}
	methodNames = []string{"method", "request_method", "http_method", "verb", "operation", "op"}
)

// unitOf tells the unit from a column's name, as in time_us, and the name
// without it.
func unitOf(column string) (time.Duration, string) {
	for _, u := range units {
		if base, cut := strings.CutSuffix(strings.ToLower(column), "_"+u.name); cut {
			return u.unit, base
		}
	}
	return 0, strings.ToLower(column)
}

// usual finds the first of the usual names among the columns.
func usual(names, columns []string) (string, bool) {
	for _, name := range names {
		for _, column := range columns {
			if _, base := unitOf(column); base == name {
				return column, true
			}
		}
	}
	return "", false
}

// A choice is the columns that are read, by name or by number.
type choice struct{ time, key, method string }

// chooseColumns takes the columns that the options name, and those that are
// usual among the ones found for the rest. It lists them when it cannot.
func (t *trace) chooseColumns(found []string) (choice, error) {
	c := choice{time: t.TimeColumn, key: t.KeyColumn}
	var guessed, missing []string
	guess := func(column *string, names []string, what, flag string) {
		if *column != "" {
			return
		}
		var ok bool
		if *column, ok = usual(names, found); ok {
			guessed = append(guessed, fmt.Sprintf("the %s from %q (%s names another)", what, *column, flag))
		} else {
			missing = append(missing, fmt.Sprintf("the %s with %s", what, flag))
		}
	}
	guess(&c.time, timeNames, "time", "--time")
	guess(&c.key, keyNames, "key", "--key")
	if len(missing) > 0 {
		return c, t.refuse("has no column of a usual name", fmt.Sprintf("name %s; the columns are %s", strings.Join(missing, " and "), t.columns))
	}
	if len(guessed) > 0 {
		t.notef("columns guessed by their names: %s", strings.Join(guessed, ", "))
	}
	c.method, _ = usual(methodNames, found)
	if t.Method != "" && c.method == "" {
		return c, t.refuse(fmt.Sprintf("has no column for the method %q", t.Method), "name one of the columns \"method\"; they are "+t.columns)
	}
	t.clock.hint, _ = unitOf(c.time)
	return c, nil
}

// list writes the names of columns for messages.
func list(columns []string) string {
	return enumerate(columns, func(_ int, name string) string { return fmt.Sprintf("%q", name) })
}

// numbered writes the values of a first line that is no header.
func numbered(values []string) string {
	return enumerate(values, func(i int, value string) string { return fmt.Sprintf("%d (%q)", i+1, value) })
}

// enumerate writes at most 40 columns.
func enumerate(columns []string, write func(int, string) string) string {
	var parts []string
	for i, c := range columns {
		if i == 40 {
			parts = append(parts, fmt.Sprintf("and %d more", len(columns)-i))
			break
		}
		parts = append(parts, write(i, shorten([]byte(c))))
	}
	return strings.Join(parts, ", ")
}
