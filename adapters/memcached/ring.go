package memcached

import (
	"crypto/md5" //nolint:gosec // what the ring is made of; no secret
	"encoding/binary"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// A ring says which server a key belongs to, as libmemcached's weighted ketama
// does for servers of equal weight: 160 points a server, from the MD5 of its
// name and a number, four to a sum, and the key's first four bytes of MD5 look
// for the next point. The name of a server has no port if that is memcached's
// own, 11211.
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
		name := strings.TrimSuffix(server, ":11211")
		for n := range 40 {
			sum := md5.Sum([]byte(name + "-" + strconv.Itoa(n))) //nolint:gosec // likewise
			for at := 0; at < len(sum); at += 4 {
				r.points = append(r.points, point{binary.LittleEndian.Uint32(sum[at:]), i})
			}
		}
	}
	slices.SortStableFunc(r.points, func(a, b point) int {
		switch {
		case a.hash < b.hash:
			return -1
		case a.hash > b.hash:
			return 1
		default:
			return 0
		}
	})
	return r
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
