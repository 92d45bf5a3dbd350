package memcached

import (
	"cmp"
	"crypto/md5" //nolint:gosec // what the ring is made of; no secret
	"encoding/binary"
	"net"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// A ring says which server a key belongs to, as libmemcached does with its
// weighted ketama (MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED) and servers of equal
// weight: 160 points a server, from the MD5 of its name and a number, four to a
// sum, and the key's first four bytes of MD5 look for the next point. The name
// of a server has no port if that is memcached's own, 11211.
//
// A server that does not answer keeps its keys. To give them to others would
// bring back, when it answers again, what was deleted meanwhile.
type ring struct {
	points []point // by hash
}

type point struct {
	hash   uint32
	server int
}

func newRing(servers []string) ring {
	var r ring
	if len(servers) < 2 {
		return r
	}
	for i, server := range servers {
		name := ringName(server)
		for n := range sums(len(servers)) {
			sum := md5.Sum([]byte(name + "-" + strconv.Itoa(n))) //nolint:gosec // likewise
			for at := 0; at < len(sum); at += 4 {
				r.points = append(r.points, point{binary.LittleEndian.Uint32(sum[at:]), i})
			}
		}
	}
	slices.SortStableFunc(r.points, func(a, b point) int { return cmp.Compare(a.hash, b.hash) })
	return r
}

// ringName gives a server's name on the ring; a socket's is its path.
func ringName(server string) string {
	host, port, err := net.SplitHostPort(server)
	switch {
	case err != nil || strings.HasPrefix(server, "/"):
		return server
	case port == "11211":
		return host
	default:
		return host + ":" + port
	}
}

// sums gives how many MD5 sums a server has of so many: 40, or what comes of that
// in libmemcached's arithmetic, which is 39 of 25 servers.
func sums(servers int) int {
	share := 1 / float32(servers)
	return int(float32(float64(share*160/4*float32(servers)) + 1e-10))
}

// server gives the number of the server that a wire key belongs to.
func (r ring) server(key string) int {
	if len(r.points) == 0 {
		return 0
	}
	sum := md5.Sum([]byte(key)) //nolint:gosec // likewise
	hash := binary.LittleEndian.Uint32(sum[:])
	i := sort.Search(len(r.points), func(i int) bool { return r.points[i].hash >= hash })
	if i == len(r.points) {
		i = 0
	}
	return r.points[i].server
}
