// Package grpchan compares the inproc transport with inprocgrpc of
// fullstorydev/grpchan, another channel without HTTP/2, and with bufconn:
//
//	go test -C bench/grpchan -bench .
//
// It is a module of its own: users of the transports should not have to download
// what they are compared with.
package grpchan
