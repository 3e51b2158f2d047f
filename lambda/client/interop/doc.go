// Package interop runs grpc-go's interop cases through package client, against
// a function in the emulator, from each source of events. It is a module of its
// own because of what the cases depend on.
package interop
