// Package inproc is a gRPC channel within one process: a [Server] that services
// are registered with, and [Conn]s to it that generated clients are made from.
// There is no HTTP/2 between them, and no listener; interceptors, stats
// handlers, limits, metadata, deadlines and statuses are as on a connection.
//
//	server := inproc.NewServer(inproc.Config{UnaryInterceptors: chain})
//	pb.RegisterEchoServer(server, impl)
//	client := pb.NewEchoClient(server.Connect())
//
// # Contract
//
// What holds for grpc-go over a Unix socket holds here, unless it is listed
// below. In particular:
//
//   - Messages are copied, by encoding them with the codec that the call asks
//     for. Requests and responses are their owner's again as soon as the call
//     that took them has returned, also after a cancellation. Both sides may
//     use Go types of their own for one message.
//   - Each handler runs on a goroutine of its own, which serves nothing else. It
//     starts with the pprof labels of the goroutine that made the call. A handler
//     may lock it to its thread.
//   - A client returns as soon as its context ends, whether or not its handler
//     has noticed.
//   - A panic in a handler ends the process unless an interceptor recovers from
//     it.
//   - A handler's context has none of the caller's values. It has the deadline,
//     and it ends with the caller's, with the connection and with the handler.
//   - A stream holds up to 64 KiB of messages in each direction; then its
//     sender waits until they are taken. The client takes all that are there at
//     a time. A larger message passes when there is room at all, so that the
//     limits for messages are those of [Config] and of the call options.
//   - [Server.GracefulStop] waits for handlers, [Server.Stop] cancels them. A
//     server has no goroutines besides those of its handlers.
//
// Two things are certain that a connection leaves to chance: what the server sent
// before a stream ended can be read, also after a cancellation; and stats
// handlers have seen all of a call, its End included, before its client knows how
// it ended.
//
// # Call options
//
// Every option that grpc exports is honoured, refused or without effect:
//
//   - Header, Trailer, Peer, OnFinish, MaxCallRecvMsgSize, MaxCallSendMsgSize,
//     CallAuthority, CallContentSubtype, ForceCodec, ForceCodecV2 and
//     CallCustomCodec are honoured.
//   - PerRPCCredentials are honoured, unless they require a secure transport:
//     then the call is Unauthenticated, as on any connection without TLS.
//   - UseCompressor fails with Internal for a compressor that is not registered.
//     Otherwise it has no effect: nothing is compressed, so that limits and
//     stats are about the size as it is.
//   - grpc.SetSendCompressor and grpc.ClientSupportedCompressors return an error
//     to a handler: they accept only a stream of grpc-go's own. The call goes on.
//   - WaitForReady and FailFast have no effect: a Conn is always ready, until
//     its server is stopped, after which it never is again.
//   - MaxRetryRPCBufferSize and StaticMethod have no effect: there are no
//     retries, and nothing that counts methods.
//   - Options embedding EmptyCallOption, and experimental.AcceptCompressors,
//     have no effect.
//
// # Limits
//
// These features of grpc-go are not supported: grpc.PreparedMsg, binary logging,
// channelz, service configs and retries, grpc.EnableTracing, grpc/authz and
// grpc-go's own OpenTelemetry plugin. Functions that need a *grpc.ClientConn or a
// *grpc.Server cannot use a Conn or a Server; gateways made by
// protoc-gen-grpc-gateway take a client instead (RegisterEchoHandlerClient).
//
// These differ from a connection of grpc-go's, for want of a way to see or to do
// it, or because the other way would leave something behind:
//
//   - Peers have the address "inproc", and the wire length of headers is zero
//     in stats events.
//   - "grpc-accept-encoding" names gzip if it is registered, and no other
//     compressor.
//   - Metadata keys in upper case, which only a metadata.MD made by hand can
//     have, are lowered in requests instead of refused.
//   - Response metadata that cannot be sent, such as a key with a space, is
//     refused by grpc.SetHeader, grpc.SendHeader and grpc.SetTrailer with
//     Internal, and ends a stream with Internal when given to its SetTrailer. A
//     connection takes it and breaks the call later.
//   - A client that receives a second response where one is due has ended the
//     stream. grpc-go returns the same error, but lets the handler go on until
//     the client's context ends.
//   - A handler that ends its goroutine by runtime.Goexit ends its call with
//     Internal; over a connection the client waits for its deadline.
package inproc
