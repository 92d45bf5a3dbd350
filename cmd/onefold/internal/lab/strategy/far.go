package strategy

import (
	"strings"

	"github.com/onefold-go/onefold/adapters/memcached"
	"github.com/onefold-go/onefold/adapters/redis"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/embedded"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/source"
	"github.com/onefold-go/onefold/codec"
	"github.com/onefold-go/onefold/tier"
)

// KnownFar reports whether far names a far tier that can be opened: Embedded,
// or a URL whose scheme says of what kind it is.
func KnownFar(far string) bool {
	scheme, _, found := strings.Cut(far, "://")
	switch scheme {
	case "redis", "rediss", "memcached", "memcacheds":
		return found
	}
	return far == Embedded
}

// openFar opens the far tier that cfg names. close is never nil.
func openFar(cfg Config) (far []tier.Far[string, source.Record], close func(), err error) {
	close = func() {}
	var store tier.Store
	switch {
	case cfg.Store != nil:
		store = cfg.Store
	case cfg.Far == "":
		return nil, close, nil
	case cfg.Far == Embedded:
		store = new(embedded.Engine).Connect()
	default:
		if store, close, err = OpenURL(cfg.Far); err != nil {
			return nil, close, err
		}
	}
	key := func(dst []byte, key string) []byte { return append(append(append(dst, cfg.Space...), ':'), key...) }
	return []tier.Far[string, source.Record]{tier.Encoded(store, key, codec.JSON[source.Record]())}, close, nil
}

// OpenURL opens the far tier of a redis:// or memcached:// URL. close is never
// nil.
func OpenURL(far string) (store tier.Store, close func(), err error) {
	close = func() {}
	if !strings.HasPrefix(far, "memcached") {
		s, err := redis.Open(far, redis.Options{Prefix: "onefold-lab"})
		if err != nil {
			return nil, close, err
		}
		return s, s.Close, nil
	}
	cfg, err := memcached.ParseURL(far)
	if err != nil {
		return nil, close, err
	}
	cfg.Prefix = "onefold-lab:"
	s, err := memcached.New(cfg)
	if err != nil {
		return nil, close, err
	}
	return s, func() { _ = s.Close() }, nil
}
