package oracle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/fleet"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/source"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/strategy"
	"github.com/onefold-go/onefold/codec"
	"github.com/onefold-go/onefold/internal/server"
	"github.com/onefold-go/onefold/tier"
)

// An Engine is a kind of far tier.
type Engine struct {
	Name   string
	scheme string
	flush  string // the command that drops all there is
	start  func(args ...string) (*server.Server, error)
}

// The engines there are.
var (
	Redis     = Engine{"redis", "redis://", "FLUSHALL", server.Redis}
	Memcached = Engine{"memcached", "memcached://", "flush_all", server.Memcached}
)

// A stage is what faults are brought about on: a server, and a network to it for
// each process.
type stage struct {
	server  *server.Server
	proxies []*toxiproxy.Proxy // by process
	urls    []string           // likewise
	fleet   *fleet.Fleet

	flushAll string                             // the server's command for that
	look     *tier.Cache[string, source.Record] // finds what the far tier has, not through a proxy
	close    func() error
}

// errAbsent is what the load of stage.look says.
var errAbsent = errors.New("not in the far tier")

func (e Engine) open(processes int) (*stage, error) {
	s, err := e.start()
	if err != nil {
		return nil, err
	}
	st := &stage{server: s, flushAll: e.flush}
	st.close = func() error {
		for _, p := range st.proxies {
			p.Stop()
		}
		return s.Stop()
	}
	api := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.New(io.Discard))
	for i := range processes {
		p := toxiproxy.NewProxy(api, fmt.Sprint(i), "127.0.0.1:0", s.Addr)
		if err := p.Start(); err != nil {
			return nil, errors.Join(err, st.close())
		}
		st.proxies = append(st.proxies, p)
		st.urls = append(st.urls, e.scheme+p.Listen)
	}
	store, closeStore, err := strategy.OpenURL(e.scheme + s.Addr)
	if err != nil {
		return nil, errors.Join(err, st.close())
	}
	stop := st.close
	st.close = func() error { closeStore(); return stop() }
	// A store without leases is read and never filled. What is in it is valid
	// by the table of tags.
	plain := struct {
		tier.Store
		tier.Tagger
	}{store, store.(tier.Tagger)} //nolint:forcetypeassert // both adapters are
	key := func(dst []byte, key string) []byte { return append(append(dst, "oracle:"...), key...) }
	st.look, err = tier.New(func(context.Context, string) (source.Record, error) { return source.Record{}, errAbsent },
		tier.Config{TTL: time.Hour}, nil, tier.Encoded(plain, key, codec.JSON[source.Record]()))
	if err != nil {
		return nil, errors.Join(err, st.close())
	}
	return st, nil
}

// peek gives the version of a row that the far tier has, or 0.
func (st *stage) peek(ctx context.Context, key string) (int64, error) {
	r, err := st.look.Get(ctx, key)
	if errors.Is(err, errAbsent) {
		return 0, nil
	}
	return r.Version, err
}

// toxic makes the network of process i bad; undo makes it good.
func (st *stage) toxic(i int, text string) (undo func() error, err error) {
	t, err := st.proxies[i].Toxics.AddToxicJson(strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	return func() error { return st.proxies[i].Toxics.RemoveToxic(context.Background(), t.Name) }, nil
}
