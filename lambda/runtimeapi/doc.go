// Package runtimeapi is a client of the Lambda Runtime API: it runs a function
// written in Go on Lambda's OS-only runtimes. It takes invocations one after
// another, calls a [Handler] or [StreamFunc] with each, and posts the response.
//
//	func run() error {
//		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
//		defer stop()
//		cfg, err := runtimeapi.FromEnv(os.Getenv)
//		if err != nil {
//			return err
//		}
//		client, err := runtimeapi.New(cfg)
//		if err != nil {
//			return err
//		}
//		handler, err := open(ctx) // whatever the function needs
//		if err != nil {
//			return client.FailInit(err)
//		}
//		return client.Serve(ctx, handler)
//	}
//
// An aws-lambda-go lambda.Handler is a Handler. Its context has the same values as
// with aws-lambda-go: the deadline, those of package lambdacontext, and the trace
// id under the key "x-amzn-trace-id". Use lambda.NewHandler for functions with
// other signatures.
//
// # Concurrency
//
// A [Client] has [Config.Workers] workers. Each has one connection and calls the
// handler on its own goroutine. With one worker, as on Lambda's default compute,
// invocations do not overlap, and the variable _X_AMZN_TRACE_ID is that of the
// current one. A panic or a call of runtime.Goexit in the handler fails only its
// own invocation.
//
// # Limits
//
//   - An event may have 16 MiB, and 64 KiB of headers. Lambda sends at most 6 MB.
//   - A buffered response may have 6,291,556 bytes. A larger one fails the
//     invocation with the type Function.ResponseSizeTooLarge.
//   - A streamed response may have 200 MiB. A larger one is aborted at
//     the limit, with that type in its trailers.
//   - In the trailers of a failed stream, the error's message and stack are cut
//     to about 2 KB, since HTTP servers refuse trailers over about 4 KB. The log has them in full.
//
// # After the response
//
// [After] and [Client.RegisterAfter] register after-functions. They run after the
// response is posted and before the client asks for the next invocation. Lambda
// can freeze the execution environment only after that.
//
// # Shutdown
//
// Lambda sends SIGTERM to a function that has an extension and SIGKILL 500 ms
// later. Without an extension it sends SIGKILL at once. The client therefore
// registers an internal extension. If the API refuses it or does not respond
// within a second, the client logs one warning and serves without it. The program
// ends Serve's context on SIGTERM, as above; [Client.Serve] documents the rest.
//
// # Failures of the API
//
// A freeze may break a connection. If the old connection is dead, the client asks
// for the next invocation again over a new one. It gives up at the fourth failure
// in a row. A failure after 100 ms or more counts as the first.
//
// The client posts a response a second time if no reply came on the first
// connection. It does so with a streamed response only if at most 32 KiB of it have
// been sent. The API has 10 s to take a buffered response, and 5 s to complete a
// response of its own that it has begun. A reply that came during a freeze counts, however long the freeze
// was.
//
// A response that cannot be posted is logged and ends nothing. The worker asks for
// the next invocation, which shows whether the API can be reached.
//
// The client handles the statuses of the API as follows:
//
//	call             status            what happens
//	next             200               the invocation begins
//	next             any other         Serve returns a StatusError
//	next             200, no id        Serve returns a StatusError
//	response, error  200 to 299        the worker goes on
//	response, error  400, 403, 413     a warning; the worker goes on
//	response, error  any other         Serve returns a StatusError
//	init/error       200 to 299        FailInit returns the init error
//	init/error       any other         FailInit returns both errors
//	register         200               the extension asks for its next event
//	register         any other         a warning
//
// The API responds with 400 if the invocation is over, for example after its
// deadline, and with 413 if the response is too large. Both concern only one
// invocation. An event with a malformed deadline, client context or identity
// fails its invocation.
//
// The file docs/runtime-api.md lists the differences from aws-lambda-go.
package runtimeapi
