// Package bench measures what each transport costs, cold and warm. It has
// nothing but benchmarks, each of which checks the answers that it times:
//
//	go test -bench=. ./bench
//
// Their names have the form key=value, so that benchstat can set them side by
// side, as with -col /transport. The keys of /transport are those of
// transport.Parse, and
//
//   - register-server: the gateway calls the service as a Go function, through
//     RegisterXHandlerServer. No interceptor runs: it is the floor.
//   - unix-default and bufconn-default: unix and bufconn as grpc-go has them
//     without any option.
//   - hello: a function that answers a constant, the floor of Bootstrap and
//     Invocation; hello-1p is the same with GOMAXPROCS=1.
//
// With -short the processes of Bootstrap are started fewer times. Package
// report, a module of its own, makes RESULTS.md of the output.
package bench
