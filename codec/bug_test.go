package codec_test

import (
	"testing"

	"github.com/onefold-go/onefold/codec"
)

func TestJSONTrailingBrackets(t *testing.T) {
	for _, data := range []string{`1}`, `1]`, `{"a":1}}`, `1 ]]`} {
		if v, err := codec.JSON[any]().Decode([]byte(data)); err == nil {
			t.Errorf("Decode(%q) = %v, nil; want an error", data, v)
		}
	}
}
