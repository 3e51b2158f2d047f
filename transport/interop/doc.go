// Package interop runs the test cases of grpc-go's interoperability suite,
// google.golang.org/grpc/interop, over every transport of this project.
//
// It is a separate module because the suite depends on OAuth, xDS and more,
// which users of the transports should not have to download.
package interop
