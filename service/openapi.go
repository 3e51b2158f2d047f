package service

import (
	"errors"
	"io/fs"

	"google.golang.org/grpc"
)

// openAPI holds the documents of one option.
type openAPI struct{ documents fs.FS }

// WithOpenAPI gives the local server the OpenAPI documents of the services, for
// its page: the files at the top of documents whose names end in .json. Only
// server.Main and server.Run read them. [New] fails unless somebody has taken
// them with [OpenAPI], so that a function does not carry them for nothing.
func WithOpenAPI(documents fs.FS) Option {
	if documents == nil {
		return func(c *config) { c.errs = append(c.errs, errors.New("WithOpenAPI: want a file system, not nil")) }
	}
	return WithProgramOption("WithOpenAPI, an option for server.Main alone", openAPI{documents})
}

// OpenAPI returns the documents that options give, for a program that shows
// them.
func OpenAPI(options ...Option) []fs.FS {
	var all []fs.FS
	for _, o := range ProgramOptions[openAPI](options...) {
		all = append(all, o.documents)
	}
	return all
}

// Bound returns the gRPC services that options bind, by their full names.
func Bound(options ...Option) map[string]grpc.ServiceInfo {
	c := &config{}
	for _, o := range options {
		o(c)
	}
	return c.bound()
}
