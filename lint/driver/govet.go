package driver

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/version"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/onefold-go/onefold/lint/internal/wire"
)

// oldest is the go command that gives what its tool prints, unchanged and on
// standard output.
const oldest = "go1.26"

// A vet is a run of go vet, or two.
type vet struct {
	Options
	modCache string                  // where the go command keeps others' modules
	asked    []string                // packages that the patterns name
	answers  map[string]wire.Package // by package; what was not asked for is left out
	variants map[string]bool         // packages whose answer is of the variant that their tests are built with
	troubles []Trouble
}

// environment asks the go command what it is and where modules are.
func (v *vet) environment(ctx context.Context) error {
	out, err := v.goCommand(ctx, "env", "GOVERSION", "GOMODCACHE").Output()
	if err != nil {
		return fmt.Errorf("the go command cannot be run in %s: %w", v.Dir, withStderr(err))
	}
	lines := strings.Split(string(out), "\n")
	if len(lines) < 2 {
		return fmt.Errorf("go env answers %q", out)
	}
	if goVersion := lines[0]; version.IsValid(goVersion) && version.Compare(goVersion, oldest) < 0 {
		return fmt.Errorf("the go command here is %s, and at least %s is needed: set GOTOOLCHAIN=%s.0 or install a newer one", goVersion, oldest, oldest)
	}
	v.modCache = lines[1]
	return nil
}

func (v *vet) goCommand(ctx context.Context, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, "go", args...)
	c.Dir = v.Dir
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) } // it ends its children
	c.WaitDelay = 5 * time.Second
	return c
}

// run runs go vet on the packages. Where the go command will not begin, as one
// of them cannot be loaded, it is run again on those that can be.
func (v *vet) run(ctx context.Context) error {
	v.answers, v.variants = make(map[string]wire.Package), make(map[string]bool)
	listed := make(chan error, 1)
	go func() { listed <- errors.Join(v.environment(ctx), v.list(ctx)) }() // it ends when the commands do
	words, err := v.once(ctx, v.Patterns)
	if listErr := <-listed; err == nil {
		err = listErr
	}
	if err != nil {
		return err
	}
	if len(v.answers) == 0 && len(v.troubles) == 0 && words != "" {
		good, err := v.loadable(ctx)
		if err != nil {
			return err
		}
		if len(good) > 0 && len(v.troubles) > 0 {
			if words, err = v.once(ctx, good); err != nil {
				return err
			}
		}
	}
	if words != "" && len(v.troubles) == 0 {
		v.troubles = append(v.troubles, Trouble{Message: words})
	}
	v.settle()
	return nil
}

// list finds the packages that the patterns name. go vet's tool looks at what
// they import as well, and the go command gives us that too when it knows it
// from before.
func (v *vet) list(ctx context.Context) error {
	out, err := v.goCommand(ctx, v.goList("-find", "-f", "{{.ImportPath}}")...).Output()
	if err != nil {
		return withStderr(err)
	}
	v.asked = strings.Fields(string(out))
	return nil
}

func (v *vet) goList(flags ...string) []string {
	args := append([]string{"list", "-e"}, flags...)
	if v.Tags != "" {
		args = append(args, "-tags="+v.Tags)
	}
	return append(append(args, "--"), v.Patterns...)
}

// importsOthers is the trouble of a package that the go command leaves out
// without a word.
const importsOthers = "it imports a package that does not compile"

// settle keeps the answers of what was asked for. A package without one, that
// nothing was said of, was not checked either.
func (v *vet) settle() {
	answers := make(map[string]wire.Package)
	var silent []Trouble
	for _, pkg := range v.asked {
		said := slices.ContainsFunc(v.troubles, func(t Trouble) bool { return t.Package == pkg || t.Package == "" })
		for _, path := range []string{pkg, pkg + "_test"} {
			if a, ok := v.answers[path]; ok {
				answers[path] = a
				said = true
			}
		}
		if !said {
			silent = append(silent, Trouble{Package: pkg, Message: importsOthers})
		}
	}
	v.answers = answers
	v.troubles = append(v.troubles, silent...)
	for _, path := range sortedKeys(answers) {
		for _, f := range answers[path].Failures {
			v.troubles = append(v.troubles, Trouble{
				Package: path,
				Rule:    f.Rule,
				Message: fmt.Sprintf("the rule failed, please report it: %s", f.Value),
				Detail:  f.Stack,
			})
		}
	}
}

// found are all findings of what was asked for, and packages how many were
// checked: a package and its external test are one.
func (v *vet) found() (found []wire.Finding, packages int) {
	for _, pkg := range v.asked {
		_, inside := v.answers[pkg]
		_, outside := v.answers[pkg+"_test"]
		if inside || outside {
			packages++
		}
	}
	for _, a := range v.answers {
		found = append(found, a.Findings...)
	}
	return found, packages
}

// once runs go vet. What it says of single packages is kept as findings and
// troubles; words are what it says besides when it fails, else empty.
func (v *vet) once(ctx context.Context, packages []string) (words string, err error) {
	args := []string{"vet", "-json", "-vettool=" + v.Tool, "-" + wire.Report}
	for name, value := range map[string]string{"tags": v.Tags, "enable": strings.Join(v.Enable, ","), "disable": strings.Join(v.Disable, ",")} {
		if value != "" {
			args = append(args, "-"+name+"="+value)
		}
	}
	c := v.goCommand(ctx, append(append(args, "--"), packages...)...)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.StdoutPipe()
	if err != nil {
		return "", err
	}
	watch, err := v.watch(c)
	if err != nil {
		return "", err
	}
	if err := c.Start(); err != nil {
		return "", errors.Join(fmt.Errorf("the go command cannot be run: %w", err), watch.end())
	}
	readErr := v.read(out, watch)
	runErr := c.Wait()
	if err := watch.end(); err != nil {
		return "", err
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if readErr != nil {
		return "", fmt.Errorf("go vet's answer cannot be read: %w", readErr)
	}
	if runErr == nil {
		return "", nil
	}
	troubles, words := sortOut(stderr.String())
	v.troubles = append(v.troubles, troubles...)
	if len(troubles) == 0 && words == "" {
		words = runErr.Error()
	}
	return words, nil
}

// read takes what the tool says of each package.
func (v *vet) read(out io.Reader, watch *watch) error {
	for dec := json.NewDecoder(bufio.NewReader(out)); ; {
		var units map[string]map[string]json.RawMessage
		if err := dec.Decode(&units); err == io.EOF {
			return nil
		} else if err != nil {
			_, _ = io.Copy(io.Discard, out) // so that it can end
			return err
		}
		for id, unit := range units {
			if err := v.take(id, unit[wire.Analyzer]); err != nil {
				return err
			}
		}
		watch.done(len(v.answers))
	}
}

// take takes what the tool says of a package: a message, or an error. Of the
// variants of a package, that counts which its own tests are built with, since
// it has all files.
func (v *vet) take(id string, said json.RawMessage) error {
	path, variant, _ := strings.Cut(id, " [")
	var failed struct{ Error string }
	if json.Unmarshal(said, &failed) == nil && failed.Error != "" {
		v.troubles = append(v.troubles, Trouble{Package: path, Message: failed.Error})
		return nil
	}
	whole := variant == strings.TrimSuffix(path, "_test")+".test]" || variant == path+".test]"
	if v.variants[path] || variant != "" && !whole {
		return nil
	}
	var messages []struct{ Message string }
	if err := json.Unmarshal(said, &messages); err != nil {
		return err
	}
	for _, m := range messages {
		var p wire.Package
		if err := json.Unmarshal([]byte(m.Message), &p); err != nil {
			return err
		}
		v.answers[path], v.variants[path] = p, whole
	}
	return nil
}

// loadable gives the packages that the go command can load, and has troubles
// for the others.
func (v *vet) loadable(ctx context.Context) (good []string, err error) {
	type fault struct {
		Pos string
		Err string
	}
	out, err := v.goCommand(ctx, v.goList("-json=ImportPath,Error,DepsErrors,Incomplete")...).Output()
	if err != nil {
		return nil, withStderr(err)
	}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath string
			Error      *fault
			DepsErrors []*fault
			Incomplete bool
		}
		if err := dec.Decode(&p); err == io.EOF {
			return good, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list's answer cannot be read: %w", err)
		}
		if !p.Incomplete && p.Error == nil {
			good = append(good, p.ImportPath)
			continue
		}
		why := "it cannot be loaded"
		for _, f := range append(p.DepsErrors, p.Error) {
			if f == nil {
				continue
			}
			why = strings.TrimSpace(f.Err)
			if f.Pos != "" {
				why = f.Pos + ": " + why
			}
		}
		v.troubles = append(v.troubles, Trouble{Package: p.ImportPath, Message: why})
	}
}

func withStderr(err error) error {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && len(exit.Stderr) > 0 {
		return fmt.Errorf("%w: %s", err, bytes.TrimSpace(exit.Stderr))
	}
	return err
}

// sortOut takes apart what the go command says when it fails: a line "# package"
// and then what its tool said of it.
func sortOut(stderr string) (troubles []Trouble, words string) {
	var about string
	said := make(map[string]*strings.Builder)
	var order []string
	for line := range strings.Lines(stderr) {
		if pkg, ok := strings.CutPrefix(line, "# "); ok {
			about, _, _ = strings.Cut(strings.TrimSpace(pkg), " [")
			continue
		}
		if about == "" && (strings.HasPrefix(line, "go: downloading ") || strings.HasPrefix(line, "go: finding ")) {
			continue
		}
		if said[about] == nil {
			said[about] = new(strings.Builder)
			order = append(order, about)
		}
		said[about].WriteString(line)
	}
	for _, pkg := range order {
		text := strings.TrimSpace(said[pkg].String())
		switch {
		case text == "":
		case pkg == "":
			words = text
		default:
			troubles = append(troubles, Trouble{Package: pkg, Message: text}.crash())
		}
	}
	return troubles, words
}

// crash makes a short message of a tool that died.
func (t Trouble) crash() Trouble {
	for _, word := range []string{"panic: ", "fatal error: "} {
		if at := strings.Index(t.Message, word); at >= 0 && strings.Contains(t.Message[at:], "goroutine ") {
			first, _, _ := strings.Cut(t.Message[at:], "\n")
			t.Detail = t.Message
			t.Message = "checking it failed, please report it: " + first
			return t
		}
	}
	return t
}

// A watch follows a run for those who want to know. Nil does nothing.
type watch struct {
	file *os.File
	tell func(Progress)
	news chan int // packages done
	stop chan struct{}
	gone chan struct{}
}

// watch makes a file that the tool names packages in.
func (v *vet) watch(c *exec.Cmd) (*watch, error) {
	if v.Progress == nil {
		return nil, nil
	}
	file, err := os.CreateTemp("", "onefold-vet-*")
	if err != nil {
		return nil, err
	}
	c.Env = append(os.Environ(), wire.Watch+"="+file.Name(), "PWD="+v.Dir)
	w := &watch{file: file, tell: v.Progress, news: make(chan int, 64), stop: make(chan struct{}), gone: make(chan struct{})}
	go w.run()
	return w, nil
}

// run tells until end is called.
func (w *watch) run() {
	defer close(w.gone)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var p Progress
	names := bufio.NewReader(w.file)
	var half string // of a line
	for {
		select {
		case p.Done = <-w.news:
			continue
		case <-w.stop:
			return
		case <-tick.C:
		}
		for {
			line, err := names.ReadString('\n')
			half += line
			if err != nil {
				break
			}
			p.Package, half = strings.TrimSpace(half), ""
			p.Looked++
		}
		w.tell(p)
	}
}

func (w *watch) done(n int) {
	if w != nil {
		w.news <- n
	}
}

func (w *watch) end() error {
	if w == nil {
		return nil
	}
	close(w.stop)
	<-w.gone
	return errors.Join(w.file.Close(), os.Remove(filepath.Clean(w.file.Name())))
}
