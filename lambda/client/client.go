// Package client calls the gRPC services of a deployed function with generated
// grpc-go clients. It reaches the function through a function URL, API Gateway or
// a load balancer, or through Lambda's Invoke API.
//
// It uses Connect or gRPC-Web over HTTP/1.1, since Lambda does not pass on native
// gRPC. A bidirectional stream is therefore half duplex: RecvMsg and Header fail
// with Unimplemented before CloseSend. Requests are kept in memory until they are
// complete.
//
// Call options work as in grpc-go, with these exceptions:
//
//   - [grpc.Peer] returns the host of the URL.
//   - [grpc.UseCompressor] supports only gzip and identity.
//   - Options for retries and for waiting for a connection have no effect.
//   - Options that replace the codec or the authority fail with Unimplemented.
package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"connectrpc.com/connect/v2/connectproto"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// A Conn calls the services behind a URL. Pass it to generated clients. It is safe
// for concurrent use.
type Conn struct {
	base    *url.URL
	http    *http.Client
	sender  *sender
	codec   codec
	options []connecthttp.Option
	client  *connect.Client // for calls with default options
}

var _ grpc.ClientConnInterface = (*Conn)(nil)

// An Option configures a [Conn].
type Option func(*Conn)

// WithGRPCWeb makes the Conn use gRPC-Web. The default is Connect.
func WithGRPCWeb() Option {
	return func(c *Conn) { c.options = append(c.options, connecthttp.WithGRPCWeb()) }
}

// WithJSON makes the Conn send and receive messages as JSON. Unary calls over
// Connect then work through a REST API without binary media types.
func WithJSON() Option {
	return func(c *Conn) { c.codec = codec{connectproto.NewJSONCodec()} }
}

// WithRoundTripper sets the [http.RoundTripper] that sends requests. The default is
// a copy of [http.DefaultTransport].
func WithRoundTripper(rt http.RoundTripper) Option {
	return func(c *Conn) { c.http.Transport = rt }
}

// New returns a Conn for the services at target, a URL such as
// "https://abc.lambda-url.eu-central-1.on.aws". If target has a path, it is put in
// front of the paths of the methods. The Conn connects at its first call. The
// caller closes it.
func New(target string, options ...Option) (*Conn, error) {
	base, err := url.Parse(target)
	switch {
	case err != nil:
		return nil, fmt.Errorf("client: %w", err)
	case base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.RawQuery != "" || base.Fragment != "":
		return nil, fmt.Errorf("client: target %q: want https://host[:port][/path], or http", target)
	}
	c := &Conn{base: base, http: &http.Client{CheckRedirect: noRedirect}, codec: codec{connectproto.NewBinaryCodec()}}
	c.sender = &sender{client: c.http}
	for _, option := range options {
		option(c)
	}
	if c.http.Transport == nil {
		c.http.Transport = defaultTransport()
	}
	c.client = c.newClient(callOptions{maxRecv: defaultMaxRecv})
	return c, nil
}

func defaultTransport() http.RoundTripper {
	if t, ok := http.DefaultTransport.(*http.Transport); ok {
		return t.Clone()
	}
	return http.DefaultTransport
}

// noRedirect prevents redirects, since the header may have credentials.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Close closes idle connections. Calls in progress continue.
func (c *Conn) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

// newClient returns a client for calls with the options o.
func (c *Conn) newClient(o callOptions) *connect.Client {
	options := append([]connecthttp.Option{
		connecthttp.WithCodecs(c.codec, connectproto.NewBinaryCodec()), // errors need the binary codec
		connecthttp.WithReadMaxBytes(o.maxRecv),
		connecthttp.WithSendMaxBytes(o.maxSend),
	}, c.options...)
	if o.gzip {
		options = append(options, connecthttp.WithSendGzip())
	}
	return connect.NewClient(connecthttp.NewTransport(c.sender, strings.TrimSuffix(c.base.String(), "/"), options...))
}

// clientFor returns a client for calls with the options o. It reuses c.client for
// the defaults.
func (c *Conn) clientFor(o callOptions) *connect.Client {
	if o.maxRecv == defaultMaxRecv && o.maxSend == 0 && !o.gzip {
		return c.client
	}
	return c.newClient(o)
}

// Invoke implements [grpc.ClientConnInterface].
func (c *Conn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	call, err := c.newCall(ctx, method, opts)
	if err == nil {
		err = call.unary(args, reply)
	}
	call.finish(err)
	return err
}

// NewStream implements [grpc.ClientConnInterface].
func (c *Conn) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	call, err := c.newCall(ctx, method, opts)
	if err != nil {
		call.finish(err)
		return nil, err
	}
	s, err := call.stream(desc)
	if err != nil {
		call.finish(err)
		return nil, err
	}
	return s, nil
}

// A call is one call of a method.
type call struct {
	callOptions
	conn   *Conn
	method string
	ctx    context.Context
	info   *connect.CallInfo
}

// newCall returns a call for finish, even with an error.
func (c *Conn) newCall(ctx context.Context, method string, opts []grpc.CallOption) (*call, error) {
	call := &call{conn: c, method: method, callOptions: callOptions{opts: opts, maxRecv: defaultMaxRecv}}
	call.ctx, call.info = connect.NewClientContext(ctx)
	if err := call.apply(); err != nil {
		return call, err
	}
	return call, call.setMetadata()
}

func (c *call) unary(args, reply any) error {
	request, err := messageOf(args)
	if err != nil {
		return err
	}
	response, err := messageOf(reply)
	if err != nil {
		return err
	}
	proto.Reset(response) // an empty message is not decoded
	spec := connect.Spec{Procedure: c.method}
	return statusOf(c.ctx, c.conn.clientFor(c.callOptions).CallUnary(c.ctx, spec, request, response))
}

// statusOf returns err as a gRPC error, with a status and its details.
func statusOf(ctx context.Context, err error) error {
	var e *connect.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return statusFrom(e).Err()
	case ctx.Err() != nil:
		return status.FromContextError(ctx.Err()).Err()
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return status.FromContextError(err).Err()
	}
	return status.Error(codes.Unavailable, err.Error())
}
