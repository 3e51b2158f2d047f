package inproc

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/stats"
)

// authority is the value of ":authority" for handlers, unless a call
// overrides it with grpc.CallAuthority.
const authority = "localhost"

// addr is the [net.Addr] of both ends of a [Conn], as found in a [peer.Peer].
type addr struct{}

func (addr) Network() string { return "inproc" }
func (addr) String() string  { return "inproc" }

// A Conn is a channel to a [Server]. It is the [grpc.ClientConnInterface]
// that generated clients use. It is safe for concurrent use.
type Conn struct {
	server   *Server
	defaults []grpc.CallOption
	metadata metadata.MD     // of calls without metadata
	peer     *peer.Peer      // the server, as clients see it
	ctx      context.Context // holds the values of handlers' contexts

	clientStats    stats.Handler   // nil without stats handlers
	clientStatsCtx context.Context // as tagged, for the end of the connection

	// Guarded by the server's mutex.
	closed   bool
	inFlight map[inFlight]struct{} // what Close and Stop end
}

// Connect returns a channel to s. The options are defaults for its calls and
// come before each call's own. Connect starts no goroutine and never fails.
func (s *Server) Connect(defaults ...grpc.CallOption) *Conn {
	// The handshake of insecure credentials only returns their AuthInfo.
	_, auth, _ := insecure.NewCredentials().ClientHandshake(context.Background(), authority, nil)
	client := &peer.Peer{Addr: addr{}, LocalAddr: addr{}} // as handlers see it
	c := &Conn{
		server:   s,
		defaults: defaults,
		metadata: connMetadata(),
		peer:     &peer.Peer{Addr: addr{}, LocalAddr: addr{}, AuthInfo: auth},
		ctx:      peer.NewContext(context.Background(), client),
		inFlight: make(map[inFlight]struct{}),
	}
	if s.stats != nil {
		c.ctx = s.stats.TagConn(c.ctx, &stats.ConnTagInfo{RemoteAddr: client.Addr, LocalAddr: client.LocalAddr})
		s.stats.HandleConn(c.ctx, &stats.ConnBegin{})
	}
	if h := combineStats(s.config.ClientStatsHandlers); h != nil {
		c.clientStats = h
		c.clientStatsCtx = h.TagConn(context.Background(), &stats.ConnTagInfo{RemoteAddr: c.peer.Addr, LocalAddr: c.peer.LocalAddr})
		h.HandleConn(c.clientStatsCtx, &stats.ConnBegin{Client: true})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connected = true
	s.conns[c] = struct{}{}
	return c
}

// connMetadata returns the metadata that a connection adds to each call.
func connMetadata() metadata.MD {
	md := metadata.MD{
		authorityKey:   {authority},
		contentTypeKey: {contentType("")},
		userAgentKey:   {"grpc-go/" + grpc.Version},
	}
	// The registered compressors cannot be listed. gzip is the one that grpc-go has.
	if encoding.GetCompressor("gzip") != nil {
		md[acceptKey] = []string{"gzip"}
	}
	return md
}

// Close ends the calls in flight with Canceled. Later calls fail with
// Canceled too. The server continues to serve its other connections. Close
// always returns nil.
func (c *Conn) Close() error {
	calls, ok := c.server.closeConn(c)
	if !ok {
		return nil
	}
	for _, call := range calls {
		call.finish(errConnClosed)
	}
	if c.server.stats != nil {
		c.server.stats.HandleConn(c.ctx, &stats.ConnEnd{})
	}
	if c.clientStats != nil {
		c.clientStats.HandleConn(c.clientStatsCtx, &stats.ConnEnd{Client: true})
	}
	return nil
}

// Invoke calls method, a full name such as "/service/method", and waits for
// the response or the end of ctx. After it returns, the caller may reuse req
// and reply, even if the handler is still running. Its errors have a gRPC
// status.
func (c *Conn) Invoke(ctx context.Context, method string, req, reply any, opts ...grpc.CallOption) error {
	o, err := c.callOptions(opts)
	if err != nil {
		o.onFinish(err)
		return err
	}
	ctx = c.observe(ctx, &grpc.StreamDesc{}, method, &o)
	if m, _ := c.server.find(method); m != nil && m.unary != nil {
		return c.invokeUnary(ctx, method, m, req, reply, &o)
	}
	s, err := c.newStream(ctx, &grpc.StreamDesc{}, method, o)
	if err != nil {
		return err
	}
	if err := s.SendMsg(req); err != nil {
		return err
	}
	return s.RecvMsg(reply)
}

// NewStream starts a stream of method, a full name such as "/service/method".
// desc says which sides may send more than one message. The caller must
// finish the stream in one of the ways that grpc.ClientConn.NewStream lists,
// or its memory is not released. NewStream starts a goroutine for the
// handler and none for the client.
func (c *Conn) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	o, err := c.callOptions(opts)
	if err != nil {
		o.onFinish(err)
		return nil, err
	}
	ctx = c.observe(ctx, desc, method, &o)
	s, err := c.newStream(ctx, desc, method, o)
	if err != nil {
		return nil, err // not s: a nil pointer in an interface is not nil
	}
	return s, nil
}
