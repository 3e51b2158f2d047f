package inproc

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// callOptions holds the effect of a call's options before it starts. Those
// for its end are still in opts: see finish.
type callOptions struct {
	defaults []grpc.CallOption // the connection's
	opts     []grpc.CallOption // the call's, which override the defaults

	codec          codec
	contentSubtype string
	maxRecvMsgSize int
	maxSendMsgSize int
	authority      string
	credentials    credentials.PerRPCCredentials
	events         *clientEvents // nil without a stats handler
}

// callOptions applies the options of one call. Its error has a status.
func (c *Conn) callOptions(opts []grpc.CallOption) (callOptions, error) {
	o := callOptions{
		defaults:       c.defaults,
		opts:           opts,
		maxRecvMsgSize: defaultMaxRecvMsgSize,
		maxSendMsgSize: defaultMaxSendMsgSize,
	}
	compressor := ""
	for _, opts := range [...][]grpc.CallOption{o.defaults, o.opts} {
		for _, opt := range opts {
			if name, ok := opt.(grpc.CompressorCallOption); ok {
				compressor = name.CompressorType
			} else {
				o.apply(opt)
			}
		}
	}
	if compressor != "" && compressor != encoding.Identity && encoding.GetCompressor(compressor) == nil {
		return o, status.Errorf(codes.Internal, "grpc: Compressor is not installed for requested grpc-encoding %q", compressor)
	}
	if o.codec != nil {
		return o, nil
	}
	if o.contentSubtype == "" {
		o.codec = c.server.format.codec
		return o, nil
	}
	if o.codec = registeredCodec(o.contentSubtype); o.codec == nil {
		return o, status.Errorf(codes.Internal, "no codec registered for content-subtype %s", o.contentSubtype)
	}
	return o, nil
}

// apply applies one option. Options for a network or for retries have no
// effect: see the package documentation.
func (o *callOptions) apply(opt grpc.CallOption) {
	switch opt := opt.(type) {
	case grpc.StaticMethodCallOption: // first because generated clients always pass it
	case grpc.MaxRecvMsgSizeCallOption:
		o.maxRecvMsgSize = opt.MaxRecvMsgSize
	case grpc.MaxSendMsgSizeCallOption:
		o.maxSendMsgSize = opt.MaxSendMsgSize
	case grpc.PerRPCCredsCallOption:
		o.credentials = opt.Creds
	case grpc.AuthorityOverrideCallOption:
		o.authority = opt.Authority
	case grpc.ContentSubtypeCallOption:
		o.contentSubtype = opt.ContentSubtype
	case grpc.ForceCodecV2CallOption:
		o.forceCodec(codecV2{opt.CodecV2}, opt.CodecV2.Name())
	case grpc.ForceCodecCallOption:
		o.forceCodec(codecV1{opt.Codec}, opt.Codec.Name())
	case grpc.CustomCodecCallOption:
		o.codec = codecV1{opt.Codec} // the kind of codec that has no name
	}
}

func (o *callOptions) forceCodec(c codec, name string) {
	o.codec = c
	if o.contentSubtype == "" {
		o.contentSubtype = strings.ToLower(name)
	}
}

// An outcome gives call options access to the result of a call.
type outcome interface {
	clientHeader() metadata.MD
	clientTrailer() metadata.MD
	statusReceived() bool
}

// addMetadata reports whether the options add metadata to the request.
func (o *callOptions) addMetadata() bool {
	return o.contentSubtype != "" || o.authority != "" || o.credentials != nil
}

// finish sets the variables of Header, Trailer and Peer options, and then
// calls the OnFinish functions.
func (o *callOptions) finish(c *Conn, call outcome, err error) {
	o.events.end(call, err)
	for _, opts := range [...][]grpc.CallOption{o.defaults, o.opts} {
		for _, opt := range opts {
			switch opt := opt.(type) {
			case grpc.HeaderCallOption:
				*opt.HeaderAddr = call.clientHeader()
			case grpc.TrailerCallOption:
				*opt.TrailerAddr = call.clientTrailer()
			case grpc.PeerCallOption:
				*opt.PeerAddr = *c.peer
			}
		}
	}
	o.onFinish(err)
}

// onFinish calls the OnFinish functions. It suffices for a call that could
// not be started.
func (o *callOptions) onFinish(err error) {
	o.events.end(nil, err)
	for _, opts := range [...][]grpc.CallOption{o.defaults, o.opts} {
		for _, opt := range opts {
			if opt, ok := opt.(grpc.OnFinishCallOption); ok {
				opt.OnFinish(err)
			}
		}
	}
}

// credentialsMetadata returns the metadata of a call's credentials, by the
// rules of getCallAuthData in grpc-go's http2_client.go. It refuses
// credentials that require a secure transport.
func (c *Conn) credentialsMetadata(ctx context.Context, method string, o *callOptions) (metadata.MD, error) {
	if o.credentials == nil {
		return nil, nil
	}
	if o.credentials.RequireTransportSecurity() {
		return nil, status.Error(codes.Unauthenticated, "transport: cannot send secure credentials on an insecure connection")
	}
	service := method
	if slash := strings.LastIndexByte(method, '/'); slash >= 0 {
		service = method[:slash]
	}
	host := authority
	if o.authority != "" {
		host = strings.TrimSuffix(o.authority, ":443")
	}
	ctx = credentials.NewContextWithRequestInfo(ctx, credentials.RequestInfo{Method: method, AuthInfo: c.peer.AuthInfo})
	pairs, err := o.credentials.GetRequestMetadata(ctx, "https://"+host+service)
	if err != nil {
		return nil, credentialsError(err)
	}
	md := make(metadata.MD, len(pairs))
	for key, value := range pairs {
		key = strings.ToLower(key)
		if err := validatePair(key, []string{value}); err != nil {
			return nil, status.Error(codes.Internal, err.Error())
		}
		md[key] = []string{value}
	}
	return md, nil
}

// credentialsError returns the status of a call whose credentials failed.
// gRFC A54 limits the codes that credentials may return.
func credentialsError(err error) error {
	st, ok := status.FromError(err)
	if !ok {
		return status.Errorf(codes.Internal, "transport: per-RPC creds failed due to error: %v", err)
	}
	switch st.Code() {
	case codes.InvalidArgument, codes.NotFound, codes.AlreadyExists, codes.FailedPrecondition,
		codes.Aborted, codes.OutOfRange, codes.DataLoss:
		return status.Error(codes.Internal, fmt.Sprintf("transport: received per-RPC creds error with illegal status: %v", err))
	}
	return err
}
