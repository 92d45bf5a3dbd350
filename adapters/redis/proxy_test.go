package redis_test

import (
	"io"
	"net"
	"sync"
	"testing"
)

// A proxy stands between a store and a server, and is the network's faults.
type proxy struct {
	addr, to string
	l        net.Listener

	mu      sync.Mutex
	pairs   map[*pair]bool
	stalled chan struct{} // nil: bytes pass; closed when they do again
	refuse  bool
	held    int // bytes that are held up
	cut     int // bytes of the next answer that pass before the connection ends; 0: all
}

type pair struct{ client, server net.Conn }

func startProxy(t testing.TB, to string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{addr: l.Addr().String(), to: to, l: l, pairs: make(map[*pair]bool)}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { p.serve(client) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		p.flow()
		p.reset()
		all.Wait()
	})
	return p
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	p.mu.Lock()
	refuse := p.refuse
	p.mu.Unlock()
	if refuse {
		return
	}
	server, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer server.Close()
	it := &pair{client, server}
	p.mu.Lock()
	p.pairs[it] = true
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.pairs, it)
	}()
	var both sync.WaitGroup
	both.Go(func() { p.copy(server, client, false); _ = server.Close(); _ = client.Close() })
	both.Go(func() { p.copy(client, server, true); _ = server.Close(); _ = client.Close() })
	both.Wait()
}

func (p *proxy) copy(dst io.Writer, src io.Reader, answers bool) {
	chunks := make(chan []byte, 10_000) // so that it reads on while it is stalled
	go func() {
		defer close(chunks)
		for {
			b := make([]byte, 32<<10)
			n, err := src.Read(b)
			p.mu.Lock()
			if p.stalled != nil {
				p.held += n
			}
			p.mu.Unlock()
			chunks <- b[:n]
			if err != nil {
				return
			}
		}
	}()
	for b := range chunks {
		p.mu.Lock()
		stalled := p.stalled
		cut := 0
		if answers && p.cut > 0 {
			cut, p.cut = p.cut, 0
		}
		p.mu.Unlock()
		if stalled != nil {
			<-stalled
		}
		if cut > 0 && cut < len(b) {
			_, _ = dst.Write(b[:cut])
			return
		}
		if _, err := dst.Write(b); err != nil {
			return
		}
	}
}

// stall holds up all bytes until flow.
func (p *proxy) stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stalled == nil {
		p.stalled = make(chan struct{})
	}
}

// holds gives how many bytes have been held up since the beginning.
func (p *proxy) holds() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.held
}

func (p *proxy) flow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stalled != nil {
		close(p.stalled)
		p.stalled = nil
	}
}

// reset ends all connections there are.
func (p *proxy) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for it := range p.pairs {
		_ = it.client.Close()
		_ = it.server.Close()
	}
}

// closed lets no new connection come about, or again.
func (p *proxy) closed(is bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = is
}

// truncate ends the connection of the next answer after n bytes of it.
func (p *proxy) truncate(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = n
}
