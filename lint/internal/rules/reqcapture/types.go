package reqcapture

import (
	"go/types"
	"regexp"
	"slices"
)

// Types are more types that are a request, as "import/path.Type": the user's
// word. It is set by a flag before the first pass.
var Types []string

type kind uint8

const (
	other kind = iota
	request
	response
)

// version is the element of an import path that names a major version.
var version = regexp.MustCompile(`/v[0-9]+(/|$)`)

var requests = []string{
	"net/http.Request",
	"github.com/gin-gonic/gin.Context",
	"github.com/labstack/echo.Context",
	"github.com/gofiber/fiber.Ctx",
	"github.com/go-chi/chi.Context",
	"github.com/valyala/fasthttp.RequestCtx",
	"github.com/kataras/iris/context.Context",
	"github.com/cloudwego/hertz/pkg/app.RequestContext",
	"github.com/emicklei/go-restful.Request",
	"connectrpc.com/connect.Request",
	"connectrpc.com/connect.AnyRequest",
}

// kindOf says whether a type is one of a server's request or its response.
func kindOf(t types.Type) kind {
	if t == nil {
		return other
	}
	bare := types.Unalias(t)
	if ptr, ok := bare.(*types.Pointer); ok {
		bare = types.Unalias(ptr.Elem())
	}
	if n, ok := bare.(*types.Named); ok && n.Obj().Pkg() != nil {
		name := n.Obj().Pkg().Path() + "." + n.Obj().Name()
		if slices.Contains(Types, name) || slices.Contains(requests, version.ReplaceAllString(n.Obj().Pkg().Path(), "$1")+"."+n.Obj().Name()) {
			return request
		}
	}
	switch {
	case has(t, "WriteHeader", "Write", "Header"):
		return response
	case types.IsInterface(t) && has(t, "SendMsg", "RecvMsg", "SetTrailer", "Context"):
		return request // the stream of a gRPC call
	}
	return other
}

// has says whether a type has methods of these names.
func has(t types.Type, methods ...string) bool {
	for _, m := range methods {
		obj, _, _ := types.LookupFieldOrMethod(t, false, nil, m)
		if _, ok := obj.(*types.Func); !ok {
			return false
		}
	}
	return true
}
