package trace

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// A column is one that a file has, by its name and some of its values.
type column struct {
	name   string
	plain  string
	unit   int64 // by its name
	values []string
	slot   slot
}

// pick gives the columns their roles: as Config says, else by their names.
func (p *plan) pick(columns []column, cfg *Config) error {
	type want struct {
		name string
		slot slot
		what string
	}
	c := &cfg.Columns
	wants := []want{
		{c.Time, slot{role: timeRole}, "Time"}, {c.Tenant, slot{role: tenantRole}, "Tenant"}, {c.Client, slot{role: clientRole}, "Client"},
		{c.Op, slot{role: opRole}, "Op"}, {c.Status, slot{role: statusRole}, "Status"}, {c.Size, slot{role: sizeRole}, "Size"},
		{c.Duration, slot{role: durationRole}, "Duration"}, {c.Took, slot{role: tookRole}, "Took"}, {c.TTL, slot{role: ttlRole}, "TTL"},
		{c.Cache, slot{role: cacheRole}, "Cache"},
	}
	for i, n := range c.Key {
		wants = append(wants, want{n, slot{keyRole, uint8(i)}, "Key"})
	}
	for i, n := range c.Identity {
		wants = append(wants, want{n, slot{identityRole, uint8(i)}, "Identity"})
	}
	var given [numRoles]bool
	for _, w := range wants {
		if w.name == "" {
			continue
		}
		i := slices.IndexFunc(columns, func(c column) bool { return c.name == w.name })
		if i < 0 {
			i = slices.IndexFunc(columns, func(c column) bool { return strings.EqualFold(c.name, w.name) })
		}
		if n, err := strconv.Atoi(w.name); i < 0 && err == nil && n >= 1 && n <= len(columns) {
			i = n - 1
		}
		if i < 0 {
			return fmt.Errorf("trace: Config.Columns.%s is %q, and %s has no such column: it has %s", w.what, w.name, p.guess.File, columnNames(columns))
		}
		if columns[i].slot.role != noRole {
			return fmt.Errorf("trace: Config.Columns takes the column %q twice, for the %s and for %s", w.name, roleNames[columns[i].slot.role], w.what)
		}
		columns[i].slot = w.slot
		given[w.slot.role] = true
	}
	for _, n := range names {
		if given[n.role] || n.role == requestRole && given[keyRole] {
			continue
		}
		if i := byName(columns, n.names, n.role, cfg.TimeLayout); i >= 0 {
			columns[i].slot = slot{role: n.role}
			given[n.role] = true
			if n.role == durationRole || n.role == tookRole || n.role == ttlRole {
				p.guessUnit(&columns[i], n.role, cfg)
			}
		}
	}
	for i := range columns {
		col := &columns[i]
		switch col.slot.role {
		case durationRole, tookRole, ttlRole:
			p.guessUnit(col, col.slot.role, cfg)
		case timeRole:
			if p.timeUnit == 0 {
				p.timeUnit = col.unit
			}
		}
	}
	if !given[timeRole] {
		return fmt.Errorf("%w: %s has the columns %s; set Config.Columns.Time if one of them is a time. Without times nothing can be said of what happens at once",
			ErrNoTime, p.guess.File, columnNames(columns))
	}
	if !given[keyRole] && !given[requestRole] {
		return fmt.Errorf("%w: %s has the columns %s; set Config.Columns.Key to what is asked for", ErrNoKey, p.guess.File, columnNames(columns))
	}
	p.describe(columns)
	return nil
}

// byName gives the column with the best of the names, or -1.
func byName(columns []column, names []string, r role, layout string) int {
	for _, name := range names {
		for i := range columns {
			if columns[i].slot.role == noRole && columns[i].plain == name && fits(&columns[i], r, layout) {
				return i
			}
		}
	}
	return -1
}

// fits reports whether the values that were seen can mean what the name says.
func fits(c *column, r role, layout string) bool {
	for _, v := range c.values {
		if v == "" || v == "-" {
			continue
		}
		switch r {
		case timeRole:
			_, _, ok := clockOf([]byte(v), layout)
			return ok
		case requestRole:
			method, target := requestLine([]byte(v))
			return method != nil && target != nil
		case statusRole, sizeRole, repeatRole:
			_, ok := count([]byte(v))
			return ok
		default:
			return true
		}
	}
	// Nothing but dashes says nothing against it, but such is no time.
	return r != timeRole || len(c.values) == 0
}

// guessUnit finds out what a duration counts.
func (p *plan) guessUnit(c *column, r role, cfg *Config) {
	if p.unit[r] != 0 {
		return
	}
	switch {
	case c.unit != 0:
		p.unit[r] = c.unit
		return
	case r == ttlRole:
		p.unit[r] = 1e9
		return
	case cfg.DurationUnit != 0:
		return
	}
	switch c.plain {
	case "rtt", "request_time", "upstream_response_time", "target_processing_time":
		p.unit[r] = 1e9
		return
	case "upstream_service_time", "x_envoy_upstream_service_time", "resp_x_envoy_upstream_service_time":
		p.unit[r] = 1e6
		return
	}
	for _, v := range c.values {
		if v == "" || v == "-" {
			continue
		}
		if v[len(v)-1] == 's' {
			return // each says its own
		}
		p.unit[r] = 1e6
		what := "milliseconds"
		if strings.Contains(v, ".") {
			p.unit[r], what = 1e9, "seconds, for it has a point"
		}
		p.guess.Assumed = append(p.guess.Assumed, fmt.Sprintf("the column %s counts %s; Config.DurationUnit says it for certain", c.name, what))
		return
	}
}

// describe writes down which column means what.
func (p *plan) describe(columns []column) {
	g := &p.guess
	keys := make([]string, 1+maxParts)
	for _, c := range columns {
		switch c.slot.role {
		case noRole:
		case timeRole:
			p.timeName = c.plain
			g.Time = "the column " + c.name
		case keyRole:
			keys[1+c.slot.part] = c.name
		case tenantRole:
			keys[0] = c.name
		case requestRole:
			keys[1] = "the target in " + c.name
		case identityRole:
			p.identity = true
			g.Others = append(g.Others, c.name+" (identity)")
		default:
			if roleNames[c.slot.role] == c.plain {
				g.Others = append(g.Others, c.name)
			} else {
				g.Others = append(g.Others, c.name+" ("+roleNames[c.slot.role]+")")
			}
		}
	}
	keys = slices.DeleteFunc(keys, func(s string) bool { return s == "" })
	g.Key = strings.Join(keys, " with ")
	if len(keys) > 0 && !strings.HasPrefix(g.Key, "the ") {
		g.Key = "the column " + g.Key
	}
	g.Stamp = Begin
	switch p.timeName {
	case "msec", "time_local", "time_iso8601": // nginx's names
		g.Stamp = End
	}
	if strings.Contains(p.timeName, "end") || strings.Contains(p.timeName, "finish") {
		g.Stamp = End
	}
}

func columnNames(columns []column) string {
	var names []string
	for i, c := range columns {
		if i == 20 {
			names = append(names, "...")
			break
		}
		names = append(names, c.name)
	}
	return strings.Join(names, ", ")
}

// csv plans for a file of columns.
func (p *plan) csv(lines [][]byte, cfg *Config) error {
	delim := cfg.Delimiter
	if delim == 0 {
		if delim, _ = delimiterOf(lines, cfg); delim == 0 {
			delim = ','
		}
	}
	if len(lines) == 0 {
		return fmt.Errorf("%w: %s is empty", ErrUnknownFormat, p.guess.File)
	}
	var rows [][]string
	for _, line := range lines {
		rows = append(rows, cells(line, delim))
	}
	if _, width := delimiterOf(lines, &Config{Delimiter: delim}); width > 0 {
		for len(rows) > 1 && len(rows[0]) != width { // remarks in front
			lines, rows = lines[1:], rows[1:]
		}
		rows = slices.DeleteFunc(rows, func(r []string) bool { return len(r) != width && len(rows) > 1 })
	}
	d := &delimited{delim: delim, blanks: delim == ' '}
	columns := make([]column, len(rows[0]))
	if !cfg.NoHeader && isHeader(rows) {
		d.header = lines[0]
		for i, name := range rows[0] {
			name = strings.TrimSpace(name)
			columns[i].name = name
			columns[i].plain, columns[i].unit = plainName(name)
		}
		rows = rows[1:]
	} else {
		for i := range columns {
			columns[i].name = strconv.Itoa(i + 1)
		}
	}
	for _, row := range rows {
		for i := range min(len(row), len(columns)) {
			columns[i].values = append(columns[i].values, row[i])
		}
	}
	if d.header == nil {
		p.nameColumns(columns, cfg)
	} else {
		p.knownHeaders(columns)
	}
	if err := p.pick(columns, cfg); err != nil {
		return err
	}
	for i, c := range columns {
		d.slots = append(d.slots, c.slot)
		switch c.slot.role {
		case timeRole, keyRole, requestRole:
			d.need = i + 1
		}
	}
	for len(d.slots) > 0 && d.slots[len(d.slots)-1].role == noRole {
		d.slots = d.slots[:len(d.slots)-1]
	}
	p.skip = d.header
	p.split = d
	return nil
}

// isHeader reports whether the first row names the columns: it has one of the
// usual names, or words where the rows behind it have numbers.
func isHeader(rows [][]string) bool {
	numeric := func(s string) bool {
		_, _, ok := clockOf([]byte(strings.TrimSpace(s)), "")
		return ok
	}
	known := false
	for _, cell := range rows[0] {
		if numeric(cell) {
			return false
		}
		plain, _ := plainName(strings.TrimSpace(cell))
		for _, n := range names {
			known = known || slices.Contains(n.names, plain)
		}
	}
	if known || len(rows) == 1 {
		return known
	}
	return slices.ContainsFunc(rows[1], numeric)
}

// knownHeaders knows headers whose names mean something else than usual.
func (p *plan) knownHeaders(columns []column) {
	find := func(plain string) *column {
		i := slices.IndexFunc(columns, func(c column) bool { return c.plain == plain })
		if i < 0 {
			return nil
		}
		return &columns[i]
	}
	if host := find("host"); host != nil && find("logname") != nil && find("client") == nil {
		host.plain = "client" // as the common log format calls who asks
	}
	switch p.guess.Format {
	case CacheSimCSV:
		p.timeUnit = 1e9
		if find("lbn") != nil {
			p.timeUnit, p.scsi = 1e3, true
		}
	case MetaKV:
		p.timeUnit, p.zeroTTL = 1e9, true
	}
}

// nameColumns gives names to columns that have none, from their values: the
// time is the one that can be a time and does not fall, the key the first of
// the others that is no operation.
func (p *plan) nameColumns(columns []column, cfg *Config) {
	c := &cfg.Columns
	timeAt := -1
	if c.Time == "" {
		best := 0
		for i := range columns {
			if score := timeLike(columns[i].values); score > best {
				best, timeAt = score, i
			}
		}
		if timeAt >= 0 {
			columns[timeAt].plain = "time"
		}
	} else if n, err := strconv.Atoi(c.Time); err == nil {
		timeAt = n - 1
	}
	opAt := -1
	for i := range columns {
		if i != timeAt && c.Op == "" && opAt < 0 && opLike(columns[i].values) {
			columns[i].plain, opAt = "op", i
		}
	}
	if len(c.Key) > 0 {
		return
	}
	for i := range columns {
		if i != timeAt && i != opAt {
			columns[i].plain = "key"
			p.guess.Assumed = append(p.guess.Assumed, fmt.Sprintf("column %d is the time and column %d the key; Config.Columns says it for certain", timeAt+1, i+1))
			return
		}
	}
}

// timeLike says how much a column looks like the time; 0 for not at all.
func timeLike(values []string) int {
	if len(values) == 0 {
		return 0
	}
	texts, dates, rises, numbers, points := 0, 0, 0, 0, 0
	var last uint64
	for _, v := range values {
		c, _, ok := clockOf([]byte(v), "")
		if !ok {
			continue
		}
		if c.kind != stampNumber {
			texts++
			continue
		}
		whole, nanos, neg, _ := number([]byte(v))
		if neg {
			continue
		}
		numbers++
		if nanos != 0 {
			points++
		}
		if unitOf(whole) != 0 {
			dates++
		}
		if whole >= last {
			rises++
		}
		last = whole
	}
	most := len(values) - len(values)/10
	switch {
	case texts >= most:
		return 4
	case dates >= most:
		return 3
	case points > 0 && rises >= most:
		return 2
	case numbers >= most && rises >= most:
		return 1
	default:
		return 0
	}
}

func opLike(values []string) bool {
	if len(values) == 0 {
		return false
	}
	for _, v := range values {
		if _, ok := opNames[strings.ToUpper(v)]; !ok {
			return false
		}
	}
	return true
}

// json plans for a file of objects.
func (p *plan) json(lines [][]byte, cfg *Config) error {
	seen := make(map[string][]string)
	for _, line := range lines {
		var object map[string]any
		if json.Unmarshal(line, &object) == nil {
			flatten("", object, seen)
		}
	}
	columns := make([]column, 0, len(seen))
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		c := column{name: name, values: seen[name]}
		c.plain, c.unit = plainName(name)
		columns = append(columns, c)
	}
	own := *cfg
	g := &p.guess
	has := func(name string) bool { _, ok := seen[name]; return ok }
	or := func(to *string, name string) {
		if *to == "" && has(name) {
			*to = name
		}
	}
	switch g.Format {
	case Zeek:
		c := &own.Columns
		or(&c.Time, "ts")
		or(&c.Client, "id.orig_h")
		if len(c.Key) == 0 {
			switch {
			case has("query") && has("qtype_name"):
				c.Key = []string{"query", "qtype_name"}
				if len(c.Identity) == 0 && has("uid") && has("trans_id") {
					c.Identity = []string{"uid", "trans_id"}
				}
			case has("host") && has("uri"):
				c.Key = []string{"host", "uri"}
				if len(c.Identity) == 0 && has("uid") && has("trans_depth") {
					c.Identity = []string{"uid", "trans_depth"}
				}
				or(&c.Size, "response_body_len")
			}
		}
		p.timeUnit, p.unit[durationRole], p.unit[tookRole] = 1e9, 1e9, 1e9
	case EnvoyJSON:
		p.unit[durationRole], p.unit[tookRole] = 1e6, 1e6
		if has("authority") && own.Columns.Tenant == "" && len(own.Columns.Key) == 0 {
			own.Columns.Tenant = "authority"
		}
	}
	if err := p.pick(columns, &own); err != nil {
		return err
	}
	j := &jsonLine{}
	for _, c := range columns {
		if c.slot.role != noRole {
			j.members = append(j.members, member{c.name, c.slot})
			j.nested = j.nested || strings.Contains(c.name, ".")
		}
	}
	p.split = j
	p.sparse = g.Format == Zeek
	return nil
}

// jsonNames gives the names of all members in the lines.
func jsonNames(lines [][]byte) []string {
	seen := make(map[string][]string)
	for _, line := range lines {
		var object map[string]any
		if json.Unmarshal(line, &object) == nil {
			flatten("", object, seen)
		}
	}
	return slices.Collect(maps.Keys(seen))
}

// flatten collects the scalars of an object by their names, with points
// between those of nested ones.
func flatten(prefix string, object map[string]any, into map[string][]string) {
	for name, v := range object {
		name = prefix + name
		switch v := v.(type) {
		case map[string]any:
			if len(name) < 200 {
				flatten(name+".", v, into)
			}
		case []any:
			into[name] = append(into[name], "-")
		case string:
			into[name] = append(into[name], v)
		case float64:
			into[name] = append(into[name], strconv.FormatFloat(v, 'f', -1, 64))
		case bool:
			into[name] = append(into[name], strconv.FormatBool(v))
		case nil:
			into[name] = append(into[name], "-")
		}
	}
}
