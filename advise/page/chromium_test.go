package page_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// A browser is a headless Chromium that is spoken to over a pair of pipes, in
// the DevTools protocol: JSON messages that each end in a zero byte.
type browser struct {
	t       *testing.T
	in      io.Writer
	replies chan message
	session string
	last    int
	events  []message // that came while waiting for replies

	pictures int // so far
}

type message struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  json.RawMessage `json:"error"`
}

// openBrowser starts a browser with one empty page. It ends with the test.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Fatal("no chromium on the PATH: the page is checked in a real browser; install it with `make deps`")
	}
	dir, err := os.MkdirTemp("", "onefold-chromium-") //nolint:usetesting // processes of the browser may still write to it when the test ends
	if err != nil {
		t.Fatal(err)
	}
	theirIn, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd := exec.Command(path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
		"--no-first-run", "--disable-background-networking", "--disable-component-update",
		"--disable-sync", "--disable-extensions", "--disable-dev-shm-usage", "--disable-breakpad",
		"--user-data-dir="+dir, "--remote-debugging-pipe", "about:blank")
	cmd.ExtraFiles = []*os.File{theirIn, theirOut} // its descriptors 3 and 4
	cmd.Stderr = &stderr
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatalf("%s does not start: %v", path, err)
	}
	_ = theirIn.Close()
	_ = theirOut.Close()

	b := &browser{t: t, in: in, replies: make(chan message, 1024)}
	go func() {
		defer close(b.replies)
		r := bufio.NewReader(out)
		for {
			text, err := r.ReadBytes(0)
			if err != nil {
				return
			}
			var m message
			if json.Unmarshal(text[:len(text)-1], &m) == nil {
				b.replies <- m
			}
		}
	}()
	t.Cleanup(func() {
		_ = in.Close() // the browser ends when its pipe does
		stop := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
		defer stop.Stop()
		_ = cmd.Wait()
		_ = out.Close()
		_ = os.RemoveAll(dir)
		if t.Failed() {
			t.Logf("%s said:\n%s", path, stderr.Bytes())
		}
	})

	var targets struct {
		TargetInfos []struct{ TargetID, Type string }
	}
	b.call("Target.getTargets", nil, &targets)
	for _, target := range targets.TargetInfos {
		if target.Type == "page" {
			var attached struct{ SessionID string }
			b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
			b.session = attached.SessionID
		}
	}
	if b.session == "" {
		t.Fatalf("%s has no page: %+v", path, targets)
	}
	for _, domain := range []string{"Page", "Runtime", "Network", "Log"} {
		b.call(domain+".enable", nil, nil)
	}
	return b
}

// call sends one command and reads messages until its reply.
func (b *browser) call(method string, params, result any) {
	b.t.Helper()
	b.last++
	command := map[string]any{"id": b.last, "method": method}
	if params != nil {
		command["params"] = params
	}
	if b.session != "" {
		command["sessionId"] = b.session
	}
	text, err := json.Marshal(command)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.in.Write(append(text, 0)); err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
	m := b.await(method, func(m message) bool { return m.ID == b.last })
	if m.Error != nil {
		b.t.Fatalf("%s: %s", method, m.Error)
	}
	if result != nil {
		if err := json.Unmarshal(m.Result, result); err != nil {
			b.t.Fatalf("%s: %v", method, err)
		}
	}
}

// await reads messages until one is wanted, and keeps the others.
func (b *browser) await(what string, wanted func(message) bool) message {
	b.t.Helper()
	timeout := time.After(3 * time.Minute)
	for {
		select {
		case m, open := <-b.replies:
			if !open {
				b.t.Fatalf("chromium ended before %s was answered", what)
			}
			if wanted(m) {
				return m
			}
			b.events = append(b.events, m)
		case <-timeout:
			b.t.Fatalf("chromium did not answer %s within 3 minutes", what)
		}
	}
}

// A view is a screen that the page is looked at on.
type view struct {
	width int
	dark  bool
	grey  bool // as on paper
}

func (v view) String() string {
	text := fmt.Sprintf("%d pixels", v.width)
	if v.dark {
		text += ", dark"
	}
	if v.grey {
		text += ", grey"
	}
	return text
}

// open shows the page on a screen.
func (b *browser) open(page []byte, v view) {
	b.t.Helper()
	file := filepath.Join(b.t.TempDir(), "report.html")
	if err := os.WriteFile(file, page, 0o600); err != nil {
		b.t.Fatal(err)
	}
	scheme := "light"
	if v.dark {
		scheme = "dark"
	}
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": v.width, "height": 800, "deviceScaleFactor": 1, "mobile": v.width < 600}, nil)
	b.call("Emulation.setScrollbarsHidden", map[string]any{"hidden": true}, nil) // a picture has none, and must not be wider
	deficiency := "none"
	if v.grey {
		deficiency = "achromatopsia"
	}
	b.call("Emulation.setEmulatedVisionDeficiency", map[string]any{"type": deficiency}, nil)
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
	b.events = nil
	b.call("Page.navigate", map[string]any{"url": "file://" + file}, nil)
	for _, m := range b.events {
		if m.Method == "Page.loadEventFired" {
			return
		}
	}
	b.events = append(b.events, b.await("the page's load", func(m message) bool { return m.Method == "Page.loadEventFired" }))
}

// eval runs a script in the page and reads its result.
func (b *browser) eval(script string, result any) {
	b.t.Helper()
	var reply struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	b.call("Runtime.evaluate", map[string]any{"expression": script, "returnByValue": true, "awaitPromise": true}, &reply)
	if reply.ExceptionDetails != nil {
		b.t.Fatalf("the script failed: %s", reply.ExceptionDetails)
	}
	if result == nil {
		return
	}
	if err := json.Unmarshal(reply.Result.Value, result); err != nil {
		b.t.Fatalf("the script's result %s: %v", reply.Result.Value, err)
	}
}

// A region is a part of the page, in its pixels.
type region struct {
	ID            string
	X, Y          float64
	Width, Height float64
}

func (r region) box() image.Rectangle {
	return image.Rect(int(r.X), int(r.Y), int(r.X+r.Width), int(r.Y+r.Height))
}

// screenshot gives the picture of the whole page.
func (b *browser) screenshot() image.Image {
	b.t.Helper()
	var size region
	b.eval(`({width: innerWidth, height: document.documentElement.scrollHeight})`, &size)
	var shot struct{ Data []byte }
	b.call("Page.captureScreenshot", map[string]any{
		"format": "png", "optimizeForSpeed": true, "captureBeyondViewport": true,
		"clip": map[string]any{"x": 0, "y": 0, "width": size.Width, "height": size.Height, "scale": 1},
	}, &shot)
	picture, err := png.Decode(bytes.NewReader(shot.Data))
	if err != nil {
		b.t.Fatal(err)
	}
	if dir := os.Getenv("ONEFOLD_PICTURES"); dir != "" { // to be looked at
		b.pictures++
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("page-%d.png", b.pictures)), shot.Data, 0o600); err != nil {
			b.t.Fatal(err)
		}
	}
	return picture
}
