package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// An output is a file that a run is to write when it is over. It is written
// beside its place and then moved there: what stood there before is replaced
// by the whole of the new one, or not at all.
type output struct {
	flag string
	path string // where symbolic links end
}

// newOutput looks whether path can be written, before the run that takes time
// and not after it. It leaves nothing behind.
func newOutput(flag, path string) (*output, error) {
	o := &output{flag: flag, path: path}
	if end, err := filepath.EvalSymlinks(path); err == nil {
		o.path = end
	}
	switch info, err := os.Stat(o.path); {
	case err == nil && info.IsDir():
		return nil, fmt.Errorf("%s is %q, a directory; give the name of a file in it", flag, path)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, o.cannot(err)
	case !o.isPlain():
		return o, nil // a device or a pipe: nothing to try
	}
	probe, err := o.beside()
	if err != nil {
		return nil, o.cannot(err)
	}
	return o, errors.Join(probe.Close(), os.Remove(probe.Name()))
}

func (o *output) cannot(err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		err = at.Err // the path is not the one that the user gave
	}
	return fmt.Errorf("%s %s cannot be written: %w; give a path in a directory that exists and is yours", o.flag, o.path, err)
}

// isPlain reports whether the place is free or holds an ordinary file.
func (o *output) isPlain() bool {
	info, err := os.Stat(o.path)
	return err != nil || info.Mode().IsRegular()
}

func (o *output) exists() bool {
	_, err := os.Stat(o.path)
	return err == nil
}

// write puts what fill writes in the output's place.
func (o *output) write(fill func(io.Writer) error) error {
	if !o.isPlain() {
		f, err := os.OpenFile(o.path, os.O_WRONLY, 0)
		if err != nil {
			return o.cannot(err)
		}
		return errors.Join(fill(f), f.Close())
	}
	f, err := o.beside()
	if err != nil {
		return o.cannot(err)
	}
	err = errors.Join(fill(f), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), o.path)
	}
	if err != nil {
		return errors.Join(o.cannot(err), os.Remove(f.Name()))
	}
	return nil
}

// beside makes a new file in the same directory, with the permissions that
// any new file of the user gets.
func (o *output) beside() (*os.File, error) {
	for {
		name := fmt.Sprintf(".%s.%08x.tmp", filepath.Base(o.path), rand.Uint32())
		f, err := os.OpenFile(filepath.Join(filepath.Dir(o.path), name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}
