package server

import "syscall"

// dieWithUs makes a process end with the thread that started it.
func dieWithUs() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
