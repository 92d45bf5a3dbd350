module github.com/onefold-go/onefold

go 1.26.0

require (
	github.com/anishathalye/porcupine v1.3.1
	github.com/klauspost/compress v1.20.4
	github.com/maypok86/otter/v2 v2.4.0
	pgregory.net/rapid v1.3.0
)
