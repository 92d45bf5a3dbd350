package redis

import "strings"

// What the store writes has names that begin with its prefix and schema:
//
//	onefold:1:v{kuser/7}                      the value of user/7
//	onefold:1:l{kuser/7}                      its lease, or the mark that says to load for oneself
//	onefold:1:n{kuser/7}d0123456789abcdef     the note of a change; gone when the script that wrote it ends
//	onefold:1:t{t}                            the table of tags
//	onefold:1:n{t}t0123456789abcdef           the note of its change
//
// The braces put all names of a key into one slot of a Cluster. What they hold
// is never empty, and ends at the first closing brace in all names alike.
type names struct {
	base string // prefix and schema, each with its colon
}

// maxKey is the most bytes of a key. Redis would take more; a key is in the name
// of each note, which all processes get.
const maxKey = 64 << 10

func (n names) value(key string) string   { return n.base + "v{k" + key + "}" }
func (n names) lease(key string) string   { return n.base + "l{k" + key + "}" }
func (n names) table() string             { return n.base + "t{t}" }
func (n names) notes() string             { return n.base + "n{" }
func (n names) tableNote(by owner) string { return n.notes() + "t}" + string(noteTags) + string(by) }

func (n names) note(key string, of what, by owner) string {
	return n.notes() + "k" + key + "}" + string(of) + string(by)
}

// An owner tells whose change a note is of: 16 hexadecimal digits, random for
// each [Store].
type owner string

const ownerLen = 16

// What a note is of.
type what byte

const (
	noteChange what = 'c' // the key was stored anew or deleted
	noteFree   what = 'f' // its lease was given back
	noteTags   what = 't' // the table of tags has changed
)

// readNote gives what a note's name says, if it is one.
func (n names) readNote(name string) (key string, of what, by owner, ok bool) {
	rest, ok := strings.CutPrefix(name, n.notes())
	end := len(rest) - ownerLen - 1 // where what is
	if !ok || end < 2 || rest[end-1] != '}' {
		return "", 0, "", false
	}
	return strings.TrimPrefix(rest[:end-1], "k"), what(rest[end]), owner(rest[end+1:]), true
}

func checkKey(key string) error {
	if len(key) > maxKey {
		return &KeyError{Len: len(key)}
	}
	return nil
}
