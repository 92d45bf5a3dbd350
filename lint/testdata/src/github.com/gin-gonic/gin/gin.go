// Package gin has the signatures of the real one.
package gin

import (
	"net/http"
	"time"
)

type Context struct {
	Request *http.Request
	Writer  http.ResponseWriter
}

type HandlerFunc func(*Context)

func (c *Context) Param(key string) string          { return key }
func (c *Context) Query(key string) string          { return key }
func (c *Context) GetHeader(key string) string      { return key }
func (c *Context) GetString(key any) string         { return "" }
func (c *Context) JSON(code int, obj any)           {}
func (c *Context) Set(key, value any)               {}
func (c *Context) Get(key any) (any, bool)          { return nil, false }
func (c *Context) Deadline() (t time.Time, ok bool) { return }
func (c *Context) Done() <-chan struct{}            { return nil }
func (c *Context) Err() error                       { return nil }
func (c *Context) Next()                            {}
func (c *Context) IsAborted() bool                  { return false }
func (c *Context) Value(key any) any                { return nil }

type Engine struct{ base string }

func (e *Engine) GET(path string, handlers ...HandlerFunc) {}
