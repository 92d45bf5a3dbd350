package main

import "syscall"

// ownGroup puts a process and its children into a group of their own, and ends
// it with the thread that started it.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
