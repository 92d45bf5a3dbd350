package memcached_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/onefold-go/onefold/adapters/memcached"
	"github.com/onefold-go/onefold/tier"
)

func TestConfigIsChecked(t *testing.T) {
	bad := memcached.Config{
		Servers: []string{"host", "a:1", "a:1", ":11211"}, Prefix: "a b", Conns: -1, Timeout: -time.Second, MaxValue: -2, MaxTags: -3,
		BreakAfter: -4, ProbeEvery: -time.Minute, MaxUndelivered: -5,
		Password: "secret",
	}
	_, err := memcached.New(bad)
	for _, want := range []string{
		`Servers[0] is "host"`, `Servers[2] is "a:1"`, `Servers[3] is ":11211"`, `Prefix is "a b"`, "Conns is -1", "Timeout is -1s",
		"MaxValue is -2", "MaxTags is -3", "BreakAfter is -4", "ProbeEvery is -1m0s", "MaxUndelivered is -5", "Password is set and Username is not",
	} {
		if err == nil || !strings.Contains(err.Error(), "memcached: Config."+want) {
			t.Errorf("New gives %v, want it to say %s", err, want)
		}
	}
	if _, err := memcached.New(memcached.Config{}); err == nil || !strings.Contains(err.Error(), "Servers is empty") {
		t.Errorf("New without servers = %v, want an error", err)
	}
	if err := (memcached.Config{Servers: []string{"[::1]:11211", "/run/memcached.sock", "a.example:1"}}).Validate(); err != nil {
		t.Errorf("Validate = %v, want nil", err)
	}
}

const password = "open-sesame"

// SPEC: S07
func TestNoSecretInErrors(t *testing.T) {
	s := start(t)
	_ = s.Kill() // there is nobody
	cfg := memcached.Config{Servers: []string{s.Addr}, Username: "user-name", Password: password}
	store := open(t, cfg)
	_, err := store.Get(t.Context(), "the-key")
	cfg.Dial = func(context.Context, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "the-key", Server: "sesame"}}
	}
	_, unknown := open(t, cfg).Get(t.Context(), "the-key")
	for name, text := range map[string]string{
		"an error": fmt.Sprintf("%v %+v %v", err, err, unknown),
		"a config": fmt.Sprintf("%v %+v %#v", cfg, cfg, cfg),
		"a faulty config's error": fmt.Sprint(memcached.Config{
			Servers: cfg.Servers, Username: "user-name\n", Password: password,
		}.Validate()),
	} {
		for _, secret := range []string{password, "sesame", "user-name", "the-key"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s is %q, which has the secret %q in it", name, text, secret)
			}
		}
	}
}

func TestPassword(t *testing.T) {
	file := filepath.Join(t.TempDir(), "auth")
	if err := os.WriteFile(file, []byte("user:"+password+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(filepath.Dir(file)), 0o755); err != nil { // the server is another user
		t.Fatal(err)
	}
	s := start(t, "-Y", file).Addr
	store := open(t, memcached.Config{Servers: []string{s}, Username: "user", Password: password})
	fill(t, store, "k", acquire(t, store, "k", tier.AcquireOptions{}).Lease, "v", 0)
	if it, err := store.Get(t.Context(), "k"); string(it.Data) != "v" || err != nil {
		t.Errorf("Get with the password = %q, %v; want v", it.Data, err)
	}
	for name, cfg := range map[string]memcached.Config{
		"a wrong password": {Servers: []string{s}, Username: "user", Password: "guess"},
		"none":             {Servers: []string{s}},
	} {
		if _, err := open(t, cfg).Get(t.Context(), "k"); !errors.Is(err, memcached.ErrAuth) {
			t.Errorf("Get with %s = %v, want ErrAuth", name, err)
		}
	}
}

// A server that wants no password is not made to keep it for others to read.
func TestPasswordThatNobodyAskedFor(t *testing.T) {
	s := start(t)
	store := open(t, memcached.Config{Servers: []string{s.Addr}, Username: "user", Password: password})
	if _, err := store.Get(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	if a := say(t, s.Addr, "mg auth v"); a != "EN" {
		t.Errorf("mg of the key that the password was sent with = %q, want EN", a)
	}
}

// forward gives the address of a proxy.
func forward(t *testing.T, to string, secure *tls.Config) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			if secure != nil {
				near = tls.Server(near, secure)
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				_ = near.Close()
				return
			}
			pipe := func(to, from net.Conn) {
				_, _ = io.Copy(to, from)
				_, _ = to.Close(), from.Close()
			}
			wg.Go(func() { pipe(far, near) })
			wg.Go(func() { pipe(near, far) })
		}
	})
	return l.Addr().String()
}

// certificate makes one for 127.0.0.1, and a pool that trusts it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func TestTLS(t *testing.T) {
	certificate, pool := certificate(t)
	addr := forward(t, start(t).Addr, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
	store := open(t, memcached.Config{Servers: []string{addr}, Timeout: patience, TLS: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}})
	fill(t, store, "k", acquire(t, store, "k", tier.AcquireOptions{}).Lease, "v", 0)
	if it, err := store.Get(t.Context(), "k"); string(it.Data) != "v" || err != nil {
		t.Errorf("Get over TLS = %q, %v; want v", it.Data, err)
	}
	stranger := open(t, memcached.Config{Servers: []string{addr}, Timeout: patience, TLS: &tls.Config{MinVersion: tls.VersionTLS12}})
	var unknown x509.UnknownAuthorityError
	if _, err := stranger.Get(t.Context(), "k"); !errors.As(err, &unknown) {
		t.Errorf("Get from a server that nobody vouches for = %v, want an x509.UnknownAuthorityError", err)
	}
}

func TestClosedStore(t *testing.T) {
	s := start(t)
	p, q := open(t, memcached.Config{Servers: []string{s.Addr}}), open(t, memcached.Config{Servers: []string{s.Addr}})
	acquire(t, p, "k", tier.AcquireOptions{})
	g := acquire(t, q, "k", tier.AcquireOptions{})
	if g.Changed == nil {
		t.Fatalf("Acquire = %+v, want the means to wait", g)
	}
	for range 2 {
		if err := q.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	}
	<-g.Changed
	if _, err := q.Get(t.Context(), "k"); !errors.Is(err, memcached.ErrClosed) {
		t.Errorf("Get of a closed store = %v, want ErrClosed", err)
	}
	if _, err := q.Acquire(t.Context(), "k", tier.AcquireOptions{LeaseTTL: time.Second}); !errors.Is(err, memcached.ErrClosed) {
		t.Errorf("Acquire of a closed store = %v, want ErrClosed", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Delete(ctx, "k"); !errors.Is(err, context.Canceled) {
		t.Errorf("Delete with an ended context = %v, want context.Canceled", err)
	}
}
