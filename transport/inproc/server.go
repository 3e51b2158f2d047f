package inproc

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"
)

// These are the default limits of grpc.NewServer and grpc.NewClient.
const (
	defaultMaxRecvMsgSize = 4 << 20
	defaultMaxSendMsgSize = 1<<31 - 1
)

// Config configures a [Server]. The zero value is a server without
// interceptors and with grpc's default limits.
type Config struct {
	// Interceptors run in the order given, the first one outermost. Stream
	// interceptors do not run for unary methods, even if a client calls one
	// through NewStream.
	UnaryInterceptors  []grpc.UnaryServerInterceptor
	StreamInterceptors []grpc.StreamServerInterceptor

	// StatsHandlers observe the server's side, with events in the order in
	// which a grpc.Server reports them. The last event, [stats.End], is
	// reported before the client learns how the call ended.
	StatsHandlers []stats.Handler

	// ClientStatsHandlers observe the client's side of every Conn.
	ClientStatsHandlers []stats.Handler

	// MaxRecvMsgSize and MaxSendMsgSize are the largest request that is
	// accepted and the largest response that is sent, in encoded bytes. Zero
	// means 4 MiB and 2 GiB. A larger message fails with ResourceExhausted.
	MaxRecvMsgSize int
	MaxSendMsgSize int
}

// A Server holds services and runs their methods for its [Conn]s. It is a
// [grpc.ServiceRegistrar] and has the GetServiceInfo method that the
// reflection and channelz services need.
//
// Register all services before the first Connect. After that a Server is safe
// for concurrent use.
type Server struct {
	config            Config
	unaryInterceptor  grpc.UnaryServerInterceptor
	streamInterceptor grpc.StreamServerInterceptor
	stats             stats.Handler // nil without stats handlers
	format            *format       // of calls without a content-subtype

	mu        sync.Mutex
	connected bool // registration has ended
	services  map[string]*service
	methods   map[string]*method // by full name: "/service/method"
	conns     map[*Conn]struct{}
	active    int           // number of calls whose handler has not returned
	draining  bool          // no new calls
	drained   chan struct{} // closed when draining and active is 0
}

// A service holds the arguments of RegisterService.
type service struct {
	methods  []grpc.MethodInfo
	metadata any
}

// A method is one entry of a ServiceDesc and its implementation.
type method struct {
	impl   any
	unary  *grpc.MethodDesc // nil for a streaming method
	stream *grpc.StreamDesc // for a unary method, one that streams neither way
}

// NewServer returns a server without services. It starts no goroutine. A
// Server without Conns need not be stopped.
func NewServer(config Config) *Server {
	if config.MaxRecvMsgSize == 0 {
		config.MaxRecvMsgSize = defaultMaxRecvMsgSize
	}
	if config.MaxSendMsgSize == 0 {
		config.MaxSendMsgSize = defaultMaxSendMsgSize
	}
	return &Server{
		config:            config,
		unaryInterceptor:  chainUnary(config.UnaryInterceptors),
		streamInterceptor: chainStream(config.StreamInterceptors),
		stats:             combineStats(config.StatsHandlers),
		format:            &format{registeredCodec(""), contentType("")},
		services:          make(map[string]*service),
		methods:           make(map[string]*method),
		conns:             make(map[*Conn]struct{}),
		drained:           make(chan struct{}),
	}
}

// RegisterService registers a service and its implementation. Generated code
// calls it. It panics where grpc.Server ends the process: if the service is
// already registered, if impl does not implement it, or after Connect.
func (s *Server) RegisterService(desc *grpc.ServiceDesc, impl any) {
	if impl != nil && desc.HandlerType != nil {
		want, got := reflect.TypeOf(desc.HandlerType).Elem(), reflect.TypeOf(impl)
		if !got.Implements(want) {
			panic(fmt.Sprintf("inproc: registering %s: %v does not implement %v", desc.ServiceName, got, want))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.connected || s.draining {
		panic(fmt.Sprintf("inproc: registering %s: the server is already in use", desc.ServiceName))
	}
	if _, ok := s.services[desc.ServiceName]; ok {
		panic(fmt.Sprintf("inproc: registering %s: it is already registered", desc.ServiceName))
	}
	info := &service{metadata: desc.Metadata}
	for i := range desc.Methods {
		d := &desc.Methods[i]
		stream := &grpc.StreamDesc{StreamName: d.MethodName, Handler: s.unaryOverStream(d)}
		s.methods["/"+desc.ServiceName+"/"+d.MethodName] = &method{impl: impl, unary: d, stream: stream}
		info.methods = append(info.methods, grpc.MethodInfo{Name: d.MethodName})
	}
	for i := range desc.Streams {
		d := &desc.Streams[i]
		s.methods["/"+desc.ServiceName+"/"+d.StreamName] = &method{impl: impl, stream: d}
		info.methods = append(info.methods, grpc.MethodInfo{
			Name: d.StreamName, IsClientStream: d.ClientStreams, IsServerStream: d.ServerStreams,
		})
	}
	s.services[desc.ServiceName] = info
}

// unaryOverStream returns a stream handler that calls the unary method d.
func (s *Server) unaryOverStream(d *grpc.MethodDesc) grpc.StreamHandler {
	return func(impl any, stream grpc.ServerStream) error {
		reply, err := d.Handler(impl, stream.Context(), stream.RecvMsg, s.unaryInterceptor)
		if err != nil {
			return err
		}
		return stream.SendMsg(reply)
	}
}

// GetServiceInfo returns the registered services by full name. The caller may
// change the map.
func (s *Server) GetServiceInfo() map[string]grpc.ServiceInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	infos := make(map[string]grpc.ServiceInfo, len(s.services))
	for name, info := range s.services {
		infos[name] = grpc.ServiceInfo{
			Methods:  append([]grpc.MethodInfo(nil), info.methods...),
			Metadata: info.metadata,
		}
	}
	return infos
}

// find returns the method with the given full name, or nil and the reason.
func (s *Server) find(fullMethod string) (*method, string) {
	// No method is registered after the first call, so this needs no lock.
	if m, ok := s.methods[fullMethod]; ok {
		return m, ""
	}
	path, rooted := strings.CutPrefix(fullMethod, "/")
	slash := strings.LastIndexByte(path, '/')
	if !rooted || slash < 0 {
		return nil, fmt.Sprintf("malformed method name: %q", fullMethod)
	}
	if _, ok := s.services[path[:slash]]; ok {
		return nil, fmt.Sprintf("unknown method %v for service %v", path[slash+1:], path[:slash])
	}
	return nil, fmt.Sprintf("unknown service %v", path[:slash])
}

var (
	_ grpc.ServiceRegistrar    = (*Server)(nil)
	_ grpc.ClientConnInterface = (*Conn)(nil)
	_ context.Context          = (*handlerContext)(nil)
)
