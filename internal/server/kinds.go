package server

// Redis starts a redis-server that keeps nothing on disk. args are more of its
// arguments, such as "--requirepass", "secret".
func Redis(args ...string) (*Server, error) {
	return start(kind{
		program: "redis-server",
		install: "redis-server",
		args: func(host, port, dir string) []string {
			return []string{"--bind", host, "--port", port, "--dir", dir, "--save", "", "--daemonize", "no"}
		},
		ask:     "PING\r\n",
		answers: []string{"+PONG", "-NOAUTH", "-LOADING", "-MASTERDOWN"},
	}, args)
}

// Memcached starts a memcached. args are more of its arguments, such as "-m",
// "8".
func Memcached(args ...string) (*Server, error) {
	return start(kind{
		program: "memcached",
		install: "memcached",
		args: func(host, port, _ string) []string {
			// As root it wants to be told who to be; the nobody of all systems.
			return []string{"-l", host, "-p", port, "-U", "0", "-u", "nobody"}
		},
		ask:     "mn\r\n",
		answers: []string{"MN", "CLIENT_ERROR unauthenticated"},
	}, args)
}
