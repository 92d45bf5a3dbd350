// Package gin has the signatures of the real one.
package gin

import "context"

type Context struct{ ctx context.Context }

type HandlerFunc func(*Context)

func (c *Context) Param(name string) string     { return name }
func (c *Context) Query(name string) string     { return name }
func (c *Context) GetHeader(name string) string { return name }
func (c *Context) GetString(key any) string     { return "" }
func (c *Context) JSON(code int, obj any)       {}

type Engine struct{ base string }

func (e *Engine) GET(path string, handlers ...HandlerFunc) {}
