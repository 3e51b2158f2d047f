// Package client calls the gRPC services of a deployed function from generated
// grpc-go clients: through a function URL, API Gateway or a load balancer, or by
// invoking the function without any of them.
//
// It speaks Connect or gRPC-Web over HTTP/1.1, since Lambda does not pass native
// gRPC on. Therefore a stream in both directions is half duplex: receiving, or
// asking for the header, before CloseSend fails with Unimplemented. Requests are
// kept in memory until they are complete.
//
// Call options are honoured, with these exceptions: [grpc.Peer] gives the host
// of the URL, [grpc.UseCompressor] knows gzip alone, options about retries and
// waiting for a connection have no effect, and codecs and the authority cannot
// be replaced, which fails with Unimplemented.
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

// A Conn calls the services behind a URL. Give it to generated clients. It may
// be used by several goroutines at once.
type Conn struct {
	base    *url.URL
	http    *http.Client
	sender  *sender
	codec   codec
	options []connecthttp.Option
	client  *connect.Client // for calls with default options
}

var _ grpc.ClientConnInterface = (*Conn)(nil)

// An Option changes how a [Conn] is made.
type Option func(*Conn)

// WithGRPCWeb speaks gRPC-Web. The default is Connect.
func WithGRPCWeb() Option {
	return func(c *Conn) { c.options = append(c.options, connecthttp.WithGRPCWeb()) }
}

// WithJSON sends and receives messages as JSON, which passes through a REST API
// without binary media types if a call is unary and the protocol is Connect.
func WithJSON() Option {
	return func(c *Conn) { c.codec = codec{connectproto.NewJSONCodec()} }
}

// WithRoundTripper sets what carries the requests. The default is a copy of
// [http.DefaultTransport].
func WithRoundTripper(rt http.RoundTripper) Option {
	return func(c *Conn) { c.http.Transport = rt }
}

// New returns a Conn for the services at target, such as
// "https://abc.lambda-url.eu-central-1.on.aws", which may have a path that
// stands before those of the services. It connects when it is used first. The
// caller closes the Conn.
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

// noRedirect keeps requests, whose header may have credentials, from being sent
// elsewhere.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Close closes the connections that are idle. Calls go on.
func (c *Conn) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

// newClient returns what makes a call with o.
func (c *Conn) newClient(o callOptions) *connect.Client {
	options := append([]connecthttp.Option{
		connecthttp.WithCodecs(c.codec, connectproto.NewBinaryCodec()), // the other is for errors
		connecthttp.WithReadMaxBytes(o.maxRecv),
		connecthttp.WithSendMaxBytes(o.maxSend),
	}, c.options...)
	if o.gzip {
		options = append(options, connecthttp.WithSendGzip())
	}
	return connect.NewClient(connecthttp.NewTransport(c.sender, strings.TrimSuffix(c.base.String(), "/"), options...))
}

// clientFor returns what makes a call with o, without anything new for the
// defaults.
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

// newCall returns a call even with an error, for finish.
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

// statusOf returns the error of a call as gRPC would: with a status and its
// details.
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
