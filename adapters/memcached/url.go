package memcached

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// ParseURL makes a Config of one line, for flags and environments:
//
//	memcached://host1,host2:11212?prefix=users:&timeout=500ms
//	memcacheds://user:password@host
//
// The port is 11211 where there is none, memcacheds is memcached over TLS, and
// the query may have prefix, conns, timeout, max-value (in bytes), max-tags,
// break-after, probe-every and max-undelivered, as the fields of [Config]. User and password are percent-encoded where they
// have other characters than letters, digits, dots, dashes and underscores. An
// error names what is wrong and never the password.
func ParseURL(s string) (Config, error) {
	var c Config
	scheme, rest, ok := strings.Cut(s, "://")
	switch {
	case ok && scheme == "memcached":
	case ok && scheme == "memcacheds":
		c.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	default:
		return Config{}, errors.New("memcached: the URL does not begin with memcached:// or memcacheds://")
	}
	rest, query, _ := strings.Cut(rest, "?")
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		user, password, _ := strings.Cut(rest[:at], ":")
		rest = rest[at+1:]
		var err, err2 error
		c.Username, err = url.PathUnescape(user)
		c.Password, err2 = url.PathUnescape(password)
		if err != nil || err2 != nil {
			return Config{}, errors.New("memcached: the URL's user or password has a % that is not followed by two hexadecimal digits: write %25")
		}
	}
	for host := range strings.SplitSeq(strings.TrimSuffix(rest, "/"), ",") {
		if _, _, err := net.SplitHostPort(host); err != nil && host != "" {
			host = net.JoinHostPort(strings.Trim(host, "[]"), "11211")
		}
		c.Servers = append(c.Servers, host)
	}
	if err := c.setQuery(query); err != nil {
		return Config{}, err
	}
	return c, c.Validate()
}

func (c *Config) setQuery(query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return errors.New("memcached: the URL's query is not one: " + err.Error())
	}
	var faults []error
	for name, value := range values {
		var err error
		switch last := value[len(value)-1]; name {
		case "prefix":
			c.Prefix = last
		case "timeout":
			c.Timeout, err = time.ParseDuration(last)
		case "conns":
			c.Conns, err = strconv.Atoi(last)
		case "max-value":
			c.MaxValue, err = strconv.Atoi(last)
		case "max-tags":
			c.MaxTags, err = strconv.Atoi(last)
		case "break-after":
			c.BreakAfter, err = strconv.Atoi(last)
		case "probe-every":
			c.ProbeEvery, err = time.ParseDuration(last)
		case "max-undelivered":
			c.MaxUndelivered, err = strconv.Atoi(last)
		default:
			err = errors.New("want prefix, conns, timeout, max-value, max-tags, break-after, probe-every or max-undelivered")
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("memcached: the URL's query has %s: %w", name, err))
		}
	}
	return errors.Join(faults...)
}
