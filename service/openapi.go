package service

import (
	"errors"
	"io/fs"

	"google.golang.org/grpc"
)

// openAPI holds the documents of one [WithOpenAPI].
type openAPI struct{ documents fs.FS }

// WithOpenAPI passes the OpenAPI documents of the services to the local
// server, which shows them on its page. It uses the files at the root of
// documents whose names end in .json. Only server.Main and server.Run read
// them. [New] fails unless the program has taken them with [OpenAPI], so a
// function does not embed them needlessly.
func WithOpenAPI(documents fs.FS) Option {
	if documents == nil {
		return func(c *config) { c.errs = append(c.errs, errors.New("WithOpenAPI: want a file system, not nil")) }
	}
	return WithProgramOption("WithOpenAPI, an option for server.Main only", openAPI{documents})
}

// OpenAPI returns the documents given with [WithOpenAPI], for a program that
// shows them.
func OpenAPI(options ...Option) []fs.FS {
	var all []fs.FS
	for _, o := range ProgramOptions[openAPI](options...) {
		all = append(all, o.documents)
	}
	return all
}

// Bound returns the gRPC services that options bind, by full name.
func Bound(options ...Option) map[string]grpc.ServiceInfo {
	c := &config{}
	for _, o := range options {
		o(c)
	}
	return c.bound()
}
