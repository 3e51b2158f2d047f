// Package interop runs grpc-go's interop cases through package client, against
// a function in the emulator, from each source of events. It is a separate
// module, so that the cases' dependencies are not those of the client.
package interop
