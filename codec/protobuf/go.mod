module github.com/onefold-go/onefold/codec/protobuf

go 1.26.0

require google.golang.org/protobuf v1.36.11
