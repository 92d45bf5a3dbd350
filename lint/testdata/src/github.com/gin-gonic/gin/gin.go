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

func (c *Context) Param(key string) string          { return key }
func (c *Context) Query(key string) string          { return key }
func (c *Context) GetHeader(key string) string      { return key }
func (c *Context) GetString(key string) string      { return key }
func (c *Context) JSON(code int, obj any)           {}
func (c *Context) Set(key string, value any)        {}
func (c *Context) Get(key string) (any, bool)       { return nil, false }
func (c *Context) Deadline() (t time.Time, ok bool) { return }
func (c *Context) Done() <-chan struct{}            { return nil }
func (c *Context) Err() error                       { return nil }
func (c *Context) Value(key any) any                { return nil }
