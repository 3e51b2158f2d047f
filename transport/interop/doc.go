// Package interop runs the cases of grpc-go's own interoperability suite,
// google.golang.org/grpc/interop, over every transport of this project.
//
// It is a module of its own because the suite depends on OAuth, xDS and more,
// which users of the transports should not have to download.
package interop
