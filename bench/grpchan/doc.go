// Package grpchan compares the inproc transport with inprocgrpc of
// fullstorydev/grpchan, another channel without HTTP/2, and with bufconn:
//
//	go test -C bench/grpchan -bench .
//
// It is a separate module, so that users of the transports do not have to download
// grpchan.
package grpchan
