//go:build !linux

package server

import "syscall"

func dieWithUs() *syscall.SysProcAttr { return nil }
