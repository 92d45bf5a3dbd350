//go:build !linux

package pgtest

import "syscall"

// An account is who the server runs as: always our own here, so the tests must
// not run as root.
type account struct{}

func unprivileged() (*account, error) { return nil, nil }

func (*account) own(string) error { return nil }

func (*account) attributes() *syscall.SysProcAttr { return nil }
