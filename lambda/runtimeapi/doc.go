// Package runtimeapi is a client of the Lambda Runtime API: it runs a function
// written in Go on Lambda's OS-only runtimes. It takes invocations one after
// another, calls a [Handler] or [StreamFunc] with each, and posts the answer.
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
// A handler of aws-lambda-go's interface lambda.Handler is a Handler, and finds
// in its context what it finds there: the deadline, the values of package
// lambdacontext, and the trace id under the key "x-amzn-trace-id". Functions of
// other signatures become one by lambda.NewHandler.
//
// # Concurrency
//
// A [Client] has [Config.Workers] workers, each with one connection, and each
// calls the handler on its own goroutine. With one worker, as on Lambda's
// default compute, invocations do not overlap, and the variable
// _X_AMZN_TRACE_ID is that of the current one. A panic, or a call of
// runtime.Goexit, fails the invocation that it happens in and no other.
//
// # Limits
//
//   - An event may have 16 MiB and 64 KiB of headers. Lambda sends 6 MB at most.
//   - A buffered answer may have [MaxResponseBytes]. A larger one fails the
//     invocation with the type Function.ResponseSizeTooLarge.
//   - A streamed answer may have [MaxStreamBytes]. One that goes on breaks off
//     there, with that type in its trailers.
//   - In the trailers of a stream that failed, the error's message and stack are
//     cut to about 2 KB, since HTTP servers take no more. The log has all of it.
//
// # After the answer
//
// [After] and [Client.RegisterAfter] register functions that run when the
// answer has been posted and before the next invocation is asked for, while
// the execution environment still runs. Lambda freezes it after that.
//
// # Shutdown
//
// Lambda sends SIGTERM to a function that has an extension and ends it 500 ms
// later; without one it sends SIGKILL at once. The client registers an internal
// extension. When that fails, because the API refuses it, does not answer
// within a second, or the platform has no internal extensions, the client logs
// one warning and serves without it. The program turns the signal into the end
// of Serve's context, as above; [Client.Serve] says what happens then.
//
// # Failures of the API
//
// A freeze may cost a connection. A call of next that finds its connection dead
// is made again over a new one; it gives up after four connections in a row
// that did not last 100 ms. An answer is posted again, once, if nothing came
// back on the first connection. A streamed answer is posted again only while no
// more than its first 32 KiB have been sent. An answer that is begun has to
// come to its end within 5 s, and the API has 10 s to take a posted answer. A
// reply that came in the course of a freeze counts, however long that was.
//
// An answer that cannot be posted is logged. It ends nothing: the worker asks
// for the next invocation, and learns from that whether the API is there.
//
// What the client does about a status is:
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
//	register         200               the extension waits for its next event
//	register         any other         a warning
//
// 400 is the API's answer about an invocation that is over, such as one that
// was answered after its deadline; 413 is that about an answer that is too
// large. Both concern one invocation. An event with a malformed deadline,
// client context or identity is reported as an error of the invocation.
//
// The file docs/runtime-api.md lists how this differs from aws-lambda-go.
package runtimeapi
