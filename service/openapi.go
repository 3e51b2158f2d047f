package service

import (
	"errors"
	"io/fs"

	"google.golang.org/grpc"
)

// openAPI holds the documents of one option.
type openAPI struct {
	documents fs.FS
	taken     bool
}

// WithOpenAPI gives the local server the OpenAPI documents of the services, for
// its page: the files at the top of documents whose names end in .json. Only
// server.Main and server.Run read them. [New] fails unless somebody has taken
// them with [OpenAPI], so that a function does not carry them for nothing.
func WithOpenAPI(documents fs.FS) Option {
	o := &openAPI{documents: documents}
	return func(c *config) {
		if documents == nil {
			c.errs = append(c.errs, errors.New("WithOpenAPI: want a file system, not nil"))
			return
		}
		c.openAPI = append(c.openAPI, o)
	}
}

// OpenAPI returns the documents that options give, for a program that shows
// them.
func OpenAPI(options ...Option) []fs.FS {
	c := &config{}
	for _, o := range options {
		o(c)
	}
	var all []fs.FS
	for _, o := range c.openAPI {
		o.taken = true
		all = append(all, o.documents)
	}
	return all
}

// checkOpenAPI refuses documents that nobody has taken.
func (c *config) checkOpenAPI() error {
	for _, o := range c.openAPI {
		if !o.taken {
			return errors.New("WithOpenAPI: only the local server shows documents: give the option to server.Main alone, or call OpenAPI")
		}
	}
	return nil
}

// Bound returns the gRPC services that options bind, by their full names.
func Bound(options ...Option) map[string]grpc.ServiceInfo {
	c := &config{}
	for _, o := range options {
		o(c)
	}
	return c.bound()
}

func (c *config) bound() recorder {
	bound := recorder{}
	for _, b := range c.bindings {
		b.register(bound)
	}
	return bound
}
