package trace

// A role is what a column of a file means to us.
type role uint8

const (
	noRole role = iota
	timeRole
	keyRole // with a part's number in role.part
	tenantRole
	clientRole
	opRole
	statusRole
	sizeRole
	durationRole // of the load
	tookRole     // of the whole request
	ttlRole
	cacheRole
	requestRole // a request line: GET /users/1 HTTP/1.1
	identityRole
	userRole   // who is logged in
	authRole   // the Authorization header
	cookieRole // the Set-Cookie header
	repeatRole // how many accesses the line stands for
	numRoles
)

var roleNames = [numRoles]string{
	"", "time", "key", "tenant", "client", "op", "status", "size", "duration", "took", "ttl", "cache", "request",
	"identity", "user", "authorization", "set-cookie", "repeat",
}

// maxParts is how many columns a key or an identity may have.
const maxParts = 4

// A slot is where a column's text goes: a role, and which part of it.
type slot struct {
	role role
	part uint8
}

// fields are the columns of one line by role. The texts lie in the line and
// live as long as it.
type fields struct {
	col      [numRoles][]byte
	key      [maxParts][]byte
	identity [maxParts][]byte

	// keys are what a line asks for beyond one, as Redis's MGET does. They
	// have col's values in common.
	keys [][]byte
}

func (f *fields) put(s slot, text []byte) {
	switch s.role {
	case keyRole:
		f.key[s.part] = text
	case identityRole:
		f.identity[s.part] = text
	default:
		f.col[s.role] = text
	}
}

func (f *fields) clear() {
	clear(f.col[:])
	clear(f.key[:])
	clear(f.identity[:])
	f.keys = f.keys[:0]
}

// A splitter finds the columns of a line. It may keep nothing of the line but
// what it puts into f.
type splitter interface {
	split(line []byte, f *fields) error
}

// dash reports whether a log says with a dash, or nothing, that there was none.
func dash(b []byte) bool { return len(b) == 0 || len(b) == 1 && b[0] == '-' }
