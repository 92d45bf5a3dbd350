//go:build !linux

package main

import "syscall"

// ownGroup puts a process and its children into a group of their own. That it
// ends with its starter is for Linux only.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
