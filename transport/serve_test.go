package transport_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func checkClosed(t *testing.T, l net.Listener) {
	t.Helper()
	if err := l.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener was not closed: Close returned %v", err)
	}
}

func TestServe_RefusesWhatItCannotHonour(t *testing.T) {
	for name, test := range map[string]struct {
		config transport.ServerConfig
		want   string
	}{
		"nothing to serve":    {transport.ServerConfig{}, "nothing to serve"},
		"client interceptors": {transport.ServerConfig{UnaryClientInterceptors: []grpc.UnaryClientInterceptor{nil}}, "UnaryClientInterceptors"},
		"dial options":        {transport.ServerConfig{DialOptions: []grpc.DialOption{grpc.EmptyDialOption{}}}, "DialOptions"},
	} {
		t.Run(name, func(t *testing.T) {
			l := listen(t)
			if err := transport.Serve(t.Context(), l, test.config); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error = %v, want one about %s", err, test.want)
			}
			checkClosed(t, l)
		})
	}
}

func TestServe_ReturnsNilIfTheContextEndedBefore(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l := listen(t)
	if err := transport.Serve(ctx, l, healthServer(nil)); err != nil {
		t.Error(err)
	}
	checkClosed(t, l)
}

func TestServe_ReturnsTheErrorOfTheListener(t *testing.T) {
	l := listen(t)
	_ = l.Close()
	if err := transport.Serve(t.Context(), l, healthServer(nil)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("error = %v, want that of the listener", err)
	}
}

func TestServe_ClosesItsListenerIfRegisterPanics(t *testing.T) {
	l := listen(t)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was lost")
			}
		}()
		_ = transport.Serve(t.Context(), l, transport.ServerConfig{Register: func(grpc.ServiceRegistrar) { panic("oh") }})
	}()
	checkClosed(t, l)
}

func TestServe_StopsAnExistingServer(t *testing.T) {
	stopped := grpc.NewServer()
	stopped.Stop()
	l := listen(t)
	if err := transport.Serve(t.Context(), l, transport.ServerConfig{GRPC: stopped}); !errors.Is(err, grpc.ErrServerStopped) {
		t.Errorf("error = %v, want ErrServerStopped", err)
	}
	checkClosed(t, l)

	server := grpc.NewServer()
	l = listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error)
	go func() { served <- transport.Serve(ctx, l, transport.ServerConfig{GRPC: server}) }()
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if err := server.Serve(listen(t)); !errors.Is(err, grpc.ErrServerStopped) {
		t.Errorf("after Serve the server still runs: %v", err)
	}
}

func TestServe_ReturnsAnErrorIfAnotherStopsTheServer(t *testing.T) {
	server := grpc.NewServer()
	l := listen(t)
	served := make(chan error, 1)
	go func() { served <- transport.Serve(t.Context(), l, transport.ServerConfig{GRPC: server}) }()
	client, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Invoke(t.Context(), "/a.B/C", &emptypb.Empty{}, &emptypb.Empty{}); status.Code(err) != codes.Unimplemented {
		t.Fatal(err)
	}
	server.Stop()
	if err := <-served; !errors.Is(err, grpc.ErrServerStopped) {
		t.Errorf("error = %v, want ErrServerStopped", err)
	}
}
