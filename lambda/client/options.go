package client

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// defaultMaxRecv is grpc-go's default limit of a response message, in bytes.
const defaultMaxRecv = 4 << 20

// callOptions has the settings of a call's options.
type callOptions struct {
	opts        []grpc.CallOption
	maxRecv     int
	maxSend     int // 0 for no limit
	gzip        bool
	credentials credentials.PerRPCCredentials
}

// apply applies the options of a call. The error names an option that cannot be
// honoured.
func (o *callOptions) apply() error {
	for _, opt := range o.opts {
		switch opt := opt.(type) {
		case grpc.EmptyCallOption, grpc.StaticMethodCallOption,
			grpc.HeaderCallOption, grpc.TrailerCallOption, grpc.PeerCallOption, grpc.OnFinishCallOption, // see finish
			grpc.FailFastCallOption, grpc.MaxRetryRPCBufferSizeCallOption: // documented to have no effect
		case grpc.MaxRecvMsgSizeCallOption:
			o.maxRecv = max(opt.MaxRecvMsgSize, 1)
		case grpc.MaxSendMsgSizeCallOption:
			o.maxSend = max(opt.MaxSendMsgSize, 1)
		case grpc.PerRPCCredsCallOption:
			o.credentials = opt.Creds
		case grpc.CompressorCallOption:
			switch opt.CompressorType {
			case "gzip":
				o.gzip = true
			case "", encoding.Identity:
				o.gzip = false
			default:
				return status.Errorf(codes.Unimplemented, "client: compressor %q: want gzip or identity", opt.CompressorType)
			}
		case grpc.ContentSubtypeCallOption:
			if opt.ContentSubtype != "" && opt.ContentSubtype != "proto" {
				return status.Errorf(codes.Unimplemented, "client: content subtype %q: want proto, or the option WithJSON of the Conn", opt.ContentSubtype)
			}
		default:
			return status.Errorf(codes.Unimplemented, "client: call option %T cannot be honoured over HTTP", opt)
		}
	}
	return nil
}

// finish ends a call: it sets the variables of options and calls the functions of
// OnFinish.
func (c *call) finish(err error) {
	for _, opt := range c.opts {
		switch opt := opt.(type) {
		case grpc.HeaderCallOption:
			*opt.HeaderAddr = metadataOf(c.info.ResponseHeader())
		case grpc.TrailerCallOption:
			*opt.TrailerAddr = metadataOf(c.info.ResponseTrailer())
		case grpc.PeerCallOption:
			*opt.PeerAddr = peer.Peer{Addr: peerAddr(c.conn.base.Host)}
		}
	}
	for _, opt := range c.opts {
		if opt, ok := opt.(grpc.OnFinishCallOption); ok {
			opt.OnFinish(err)
		}
	}
}
