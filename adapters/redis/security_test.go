package redis_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/onefold-go/onefold/adapters/redis"
	"github.com/onefold-go/onefold/tier"
)

const secret = "s3cr3t%2Fword" // s3cr3t/word, as a URL has it

// SPEC: S07
func TestNoSecretInErrors(t *testing.T) {
	s := startRedis(t, "--requirepass", "s3cr3t/other")
	gone := startRedis(t)
	if err := gone.Kill(); err != nil {
		t.Fatal(err)
	}
	for name, url := range map[string]string{
		"wrong password":          "redis://:" + secret + "@" + s.Addr,
		"wrong user":              "redis://somebody:" + secret + "@" + s.Addr,
		"nobody there":            "redis://:" + secret + "@" + gone.Addr,
		"no URL":                  "redis://:" + secret + "@%zz",
		"a slash in the password": "redis://:s3cr3t/word@" + s.Addr,
		"wrong scheme":            "http://:" + secret + "@" + s.Addr,
		"a word for a database":   "redis://:" + secret + "@" + s.Addr + "/s3cr3t",
		"wrong parameter":         "redis://:" + secret + "@" + s.Addr + "?db=s3cr3t",
		"no such host":            "redis://:" + secret + "@no.such.host.invalid:6379",
	} {
		_, err := redis.Open(url, redis.Options{})
		if err == nil {
			t.Errorf("%s: Open succeeds, want an error", name)
			continue
		}
		if strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: Open = %q, which has the password in it", name, err)
		}
		if !strings.HasPrefix(err.Error(), "redis: ") {
			t.Errorf("%s: Open = %q, want it to say whose error it is", name, err)
		}
	}
	o := redis.Options{Username: "u", Password: "s3cr3t/word"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(verb, o); strings.Contains(text, "s3cr3t") {
			t.Errorf("%s of Options is %q, which has the password in it", verb, text)
		}
	}
}

// The rights that the page of the adapter names are enough.
func TestLeastRights(t *testing.T) {
	s := startRedis(t)
	conn := admin(t, s.Addr)
	page, err := os.ReadFile("../../docs/redis.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "\nACL SETUSER ")
	line, _, _ := strings.Cut(rest, "\n")
	rule := strings.Fields(strings.NewReplacer("PASSWORD", "word").Replace(line))
	if len(rule) < 5 {
		t.Fatalf("docs/redis.md names the rights %q, want a line of ACL SETUSER", rule)
	}
	ask(t, conn, append([]string{"ACL", "SETUSER"}, rule...)...)
	src := newSource("v1")
	o := redis.Options{Username: rule[0], Password: "word"}
	p, q := open(t, url(s.Addr), o), open(t, url(s.Addr), o)
	live(t, p, q)
	c := newProcess(t, p, tier.Config{}, src.load)
	c.want(t, "k", "v1")
	src.value.Store("v2")
	l := lease(t, q, "other")
	if held, err := q.Renew(t.Context(), "other", l, time.Hour); !held || err != nil {
		t.Errorf("Renew = %t, %v; want it held", held, err)
	}
	if err := q.Release(t.Context(), "other", l, time.Second); err != nil {
		t.Errorf("Release = %v", err)
	}
	if _, err := q.Get(t.Context(), "k"); err != nil {
		t.Errorf("Get = %v", err)
	}
	if err := q.Set(t.Context(), "set", tier.Item{Data: []byte("v"), TTL: time.Hour}); err != nil {
		t.Errorf("Set = %v", err)
	}
	if _, err := q.Bump(t.Context(), "a", "b"); err != nil {
		t.Errorf("Bump = %v", err)
	}
	if err := q.Delete(t.Context(), "k"); err != nil {
		t.Errorf("Delete = %v", err)
	}
	eventually(t, "the other has heard of it", func() bool {
		v, err := c.Get(t.Context(), "k")
		return err == nil && v == "v2"
	})
}

func TestPasswords(t *testing.T) {
	s := startRedis(t, "--requirepass", "s3cr3t/word")
	for name, at := range map[string]struct {
		url string
		o   redis.Options
	}{
		"in the URL":     {"redis://:" + secret + "@" + s.Addr, redis.Options{}},
		"in the Options": {"redis://" + s.Addr, redis.Options{Password: "s3cr3t/word"}},
		"in both":        {"redis://:wrong@" + s.Addr, redis.Options{Password: "s3cr3t/word"}},
	} {
		p := open(t, at.url, at.o)
		live(t, p)
		if err := p.Delete(t.Context(), "k"); err != nil {
			t.Errorf("with the password %s, Delete = %v", name, err)
		}
	}
}

func TestTLS(t *testing.T) {
	cert, key, pool := certificate(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_, port, _ := net.SplitHostPort(addr)
	_ = l.Close()
	startRedis(t, "--tls-port", port, "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert, "--tls-auth-clients", "no")
	if _, err := redis.Open("rediss://"+addr, redis.Options{}); err == nil {
		t.Errorf("Open of a server whose certificate nobody signed: no error, want one")
	}
	p := open(t, "redis://"+addr, redis.Options{TLS: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}})
	live(t, p)
	if err := p.Delete(t.Context(), "k"); err != nil {
		t.Errorf("Delete = %v", err)
	}
}

// certificate makes one for 127.0.0.1, and the files that a server wants.
func certificate(t *testing.T) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	file := func(name, kind string, der []byte) string {
		text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
		if kind == "CERTIFICATE" {
			pool.AppendCertsFromPEM(text)
		}
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return file("cert.pem", "CERTIFICATE", der), file("key.pem", "EC PRIVATE KEY", keyDER), pool
}

func TestOptionsAreChecked(t *testing.T) {
	o := redis.Options{Prefix: "a{b", Schema: "}", Ping: -1, Poll: -2, MaxTags: -3, MaxValueSize: -7, BreakAfter: -4, ProbeEvery: -5, MaxUndelivered: -6}
	_, err := redis.Open("redis://127.0.0.1:1", o)
	if err == nil {
		t.Fatalf("Open with wrong Options: no error, want one")
	}
	for _, want := range []string{`Prefix is "a{b"`, `Schema is "}"`, "Ping is -1ns", "Poll is -2ns", "MaxTags is -3", "MaxValueSize is -7", "BreakAfter is -4", "ProbeEvery is -5ns", "MaxUndelivered is -6"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("Open = %v, want it to say %q", err, want)
		}
	}
}

// Stores of other prefixes and schemas do not share what they hold.
//
// SPEC: X06
func TestSchemasAreApart(t *testing.T) {
	s := startRedis(t)
	stores := []*redis.Store{
		open(t, url(s.Addr), redis.Options{}),
		open(t, url(s.Addr), redis.Options{Schema: "2"}),
		open(t, url(s.Addr), redis.Options{Prefix: "shop"}),
	}
	for i, store := range stores {
		if err := store.Set(t.Context(), "k", tier.Item{Data: []byte{byte(i)}}); err != nil {
			t.Fatal(err)
		}
	}
	for i, store := range stores {
		if it, err := store.Get(t.Context(), "k"); err != nil || len(it.Data) != 1 || it.Data[0] != byte(i) {
			t.Errorf("store %d holds %v, %v; want what it stored", i, it.Data, err)
		}
	}
	if _, err := stores[0].Bump(t.Context(), "tag"); err != nil {
		t.Fatal(err)
	}
	if table, err := stores[1].Tags(t.Context()); err != nil || table.Seq != 0 {
		t.Errorf("the table of another schema is %+v, %v; want it as it was", table, err)
	}
}
