// Package inproc is a gRPC channel within one process. Services are
// registered with a [Server], and generated clients use a [Conn] to it. There
// is no HTTP/2 and no listener between them. Interceptors, stats handlers,
// limits, metadata, deadlines and statuses work as on a connection.
//
//	server := inproc.NewServer(inproc.Config{UnaryInterceptors: chain})
//	pb.RegisterEchoServer(server, impl)
//	client := pb.NewEchoClient(server.Connect())
//
// # Contract
//
// The package behaves as grpc-go does over a Unix socket, except for the
// differences listed below. In particular:
//
//   - Messages are copied, by encoding them with the codec that the call
//     selects. A caller may reuse its request and response as soon as the
//     call that took them has returned, even after a cancellation. The two
//     sides may use different Go types for a message.
//   - Each handler runs in its own goroutine, which serves nothing else. It
//     starts with the pprof labels of the goroutine that made the call. A
//     handler may lock it to its thread.
//   - A client returns as soon as its context ends, whether or not its
//     handler has noticed.
//   - A panic in a handler ends the process unless an interceptor recovers
//     from it.
//   - A handler's context has none of the caller's values. It has the
//     caller's deadline. It ends with the caller's context, with the
//     connection and with the handler.
//   - A stream buffers up to 64 KiB of messages in each direction, and then
//     its sender waits until they are read. The client reads all buffered
//     messages at a time. A larger message is accepted if the buffer is not
//     full, so that only the limits in [Config] and the call options bound
//     messages.
//   - [Server.GracefulStop] waits for handlers, [Server.Stop] cancels them.
//     A server has no goroutines other than those of its handlers.
//
// The package guarantees two things that depend on timing on a connection.
// Everything that the server sent before a stream ended can be read, even
// after a cancellation. Stats handlers have seen all events of a call,
// including its End, before the client learns how the call ended.
//
// # Call options
//
// Every option that grpc exports is honoured, refused or without effect:
//
//   - Header, Trailer, Peer, OnFinish, MaxCallRecvMsgSize,
//     MaxCallSendMsgSize, CallAuthority, CallContentSubtype, ForceCodec,
//     ForceCodecV2 and CallCustomCodec are honoured.
//   - PerRPCCredentials are honoured, unless they require a secure
//     transport. The call is then Unauthenticated, as on any connection
//     without TLS.
//   - UseCompressor fails with Internal for a compressor that is not
//     registered. Otherwise it has no effect: nothing is compressed, and
//     limits and stats use the uncompressed size.
//   - grpc.SetSendCompressor and grpc.ClientSupportedCompressors return an
//     error to a handler, since they accept only grpc-go's own stream. The
//     call continues.
//   - WaitForReady and FailFast have no effect. A Conn is always ready
//     until its server is stopped, and never afterwards.
//   - MaxRetryRPCBufferSize and StaticMethod have no effect, since there
//     are no retries and no metrics by method.
//   - Options that embed EmptyCallOption, and
//     experimental.AcceptCompressors, have no effect.
//
// # Metadata
//
// The [grpc.ServerTransportStream] in a handler's context has a method
// RequestMetadata() metadata.MD. It returns the metadata in that context, of
// which metadata.FromIncomingContext returns copies, or nil for a call to
// which the client added no metadata. Until the first interceptor calls the
// next one, it may set and delete keys. It must not change the values of a key
// in place, since calls share some of them.
//
// # Limits
//
// These features of grpc-go are not supported: grpc.PreparedMsg, binary
// logging, channelz, service configs and retries, grpc.EnableTracing,
// grpc/authz and grpc-go's OpenTelemetry plugin. Functions that need a
// *grpc.ClientConn or a *grpc.Server cannot use a Conn or a Server. Gateways
// made by protoc-gen-grpc-gateway accept a client instead
// (RegisterEchoHandlerClient).
//
// Other differences from a grpc-go connection:
//
//   - Peers have the address "inproc", and headers have a wire length of
//     zero in stats events.
//   - "grpc-accept-encoding" names gzip if it is registered, and no other
//     compressor.
//   - Metadata keys in upper case, which only a hand-made metadata.MD can
//     contain, are converted to lower case in requests instead of refused.
//   - Response metadata that cannot be sent, such as a key with a space, is
//     refused with Internal by grpc.SetHeader, grpc.SendHeader and
//     grpc.SetTrailer. Given to the SetTrailer of a stream, it ends the
//     stream with Internal. A connection accepts it and breaks the call
//     later.
//   - A client that receives a second response where one is expected has
//     ended the stream. grpc-go returns the same error, but lets the handler
//     run until the client's context ends.
//   - A handler that ends its goroutine with runtime.Goexit ends its call
//     with Internal. On a connection the client waits for its deadline.
package inproc
