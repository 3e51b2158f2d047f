package service_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// fragile is a transport whose connections a test can break.
type fragile struct {
	transport.Transport
	openings int // that succeed

	mu    sync.Mutex
	conns []*fragileConn
}

func (f *fragile) Open(ctx context.Context, s transport.ServerConfig) (transport.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.conns) == f.openings {
		return nil, errors.New("no room for a socket")
	}
	conn, err := f.Transport.Open(ctx, s)
	if err != nil {
		return nil, err
	}
	c := &fragileConn{Conn: conn, lost: make(chan struct{}), closed: make(chan struct{})}
	f.conns = append(f.conns, c)
	return c, nil
}

// last returns the connection that was opened last.
func (f *fragile) last() *fragileConn {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.conns[len(f.conns)-1]
}

type fragileConn struct {
	transport.Conn
	lost   chan struct{}
	closed chan struct{}
}

var errSecretPath = status.Error(codes.Unavailable, "dial unix /tmp/secret/s: no such file")

// Lost returns a channel that is closed when the test breaks the connection.
func (c *fragileConn) Lost() <-chan struct{} { return c.lost }

func (c *fragileConn) isLost() bool {
	select {
	case <-c.lost:
		return true
	default:
		return false
	}
}

func (c *fragileConn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	if c.isLost() {
		return errSecretPath
	}
	return c.Conn.Invoke(ctx, method, args, reply, opts...)
}

func (c *fragileConn) Close() error {
	close(c.closed)
	return c.Conn.Close()
}

// eventually waits until condition holds, or fails the test with what.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after 10 s: %s", what)
		}
	}
}

// await waits until ch is closed, or fails the test with what.
func await(t *testing.T, what string, ch <-chan struct{}) {
	t.Helper()
	select {
	case <-ch:
	case <-time.After(10 * time.Second):
		t.Fatalf("after 10 s: %s", what)
	}
}

func TestLostTransportIsOpenedAgain(t *testing.T) {
	var log buffer
	f := &fragile{Transport: transport.Bufconn(), openings: 3}
	started, release := make(chan struct{}), make(chan struct{})
	s := start(t, f, &log, bindAll(fake{
		echo: func(_ context.Context, r *testv1.EchoRequest) (*testv1.EchoResponse, error) {
			started <- struct{}{}
			<-release
			return &testv1.EchoResponse{Id: r.GetId()}, nil
		},
	})...)
	inFlight := make(chan response)
	go func() { inFlight <- call(t, s, "GET", "/v1/echo/held", "") }()
	<-started

	first := f.last()
	close(first.lost)
	eventually(t, "no request is answered again", func() bool { return call(t, s, "GET", "/v1/ping", "").code == 200 })
	if f.last() == first {
		t.Error("the transport was not opened again")
	}
	close(release)
	if got := <-inFlight; got.code != 200 || got.fields(t)["id"] != "held" {
		t.Errorf("the call in flight: %+v", got)
	}
	await(t, "the first connection is not closed", first.closed)

	second := f.last()
	close(second.lost)
	eventually(t, "no request is answered after a second loss", func() bool { return call(t, s, "GET", "/v1/ping", "").code == 200 })
	await(t, "the second connection is not closed", second.closed)
	if n := len(log.lines(t, "transport lost and opened again")); n != 2 {
		t.Errorf("%d lines say so, want 2:\n%s", n, &log)
	}
	select {
	case <-s.Lost():
		t.Error("Lost is closed")
	default:
	}
}

func TestTransportThatCannotBeOpenedAgainIsReported(t *testing.T) {
	var log buffer
	f := &fragile{Transport: transport.InProcess(), openings: 1}
	s := start(t, f, &log, bindAll(fake{})...)
	close(f.last().lost)
	await(t, "Lost is not closed", s.Lost())
	got := call(t, s, "GET", "/v1/ping", "")
	if got.code != 503 || strings.Contains(got.body, "secret") {
		t.Errorf("%+v, want a 503 that does not say why", got)
	}
	for msg, want := range map[string]string{
		"transport lost, and not opened again":   "no room for a socket",
		"error message withheld from the client": "/tmp/secret/s",
	} {
		if lines := log.lines(t, msg); len(lines) != 1 || !strings.Contains(log.String(), want) {
			t.Errorf("log has %d lines %q, want one with %q:\n%s", len(lines), msg, want, &log)
		}
	}
}

func TestClose_WhileTheTransportIsLost(t *testing.T) {
	for range 50 {
		f := &fragile{Transport: transport.Bufconn(), openings: 2}
		s := start(t, f, nil, bindAll(fake{})...)
		go close(f.last().lost)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		for _, c := range f.conns {
			await(t, "a connection is not closed", c.closed)
		}
	}
}
