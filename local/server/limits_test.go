package server_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

// within bounds how long a test waits.
const within = 20 * time.Second

// dial opens a connection whose deadline is after within.
func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(within))
	return conn
}

// answer reads one response and checks that the server closes the connection.
func answer(t *testing.T, conn net.Conn) string {
	t.Helper()
	reader := bufio.NewReader(conn)
	r, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatalf("reading the response: %v", err)
	}
	body, _ := io.ReadAll(r.Body)
	if _, err := reader.ReadByte(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection was left open: %v", err)
	}
	return fmt.Sprintf("%d %s", r.StatusCode, body)
}

// counted counts the calls that reach a handler.
func counted(calls *atomic.Int32) service.Option {
	return service.WithUnaryInterceptors(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		calls.Add(1)
		return next(ctx, req)
	})
}

func TestMaxBodyBytes(t *testing.T) {
	var calls atomic.Int32
	s := startWith(t, []service.Option{counted(&calls)}, nil, "-max-body-bytes", "1000")
	text := strings.Repeat("x", 2000)
	const want = `413 {"code":8,"message":"the body exceeds the limit of 1000 bytes","details":[]}`

	t.Run("that says how large it is, without being read", func(t *testing.T) {
		conn := dial(t, s.http)
		fmt.Fprint(conn, "POST /v1/echo/7 HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\n")
		if got := answer(t, conn); got != want {
			t.Error(got)
		}
	})
	t.Run("that does not", func(t *testing.T) {
		conn := dial(t, s.http)
		fmt.Fprintf(conn, "POST /v1/echo/7 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n%s\r\n0\r\n\r\n", `{"text":"`+text[:1989]+`"}`)
		if got := answer(t, conn); got != want {
			t.Error(got)
		}
	})
	t.Run("that never ends", func(t *testing.T) {
		conn := dial(t, s.http)
		fmt.Fprint(conn, "POST /v1/echo/7 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\na\r\n{\"text\":\"x\r\n")
		sent := 0
		for ; sent < 1<<30; sent += 2000 {
			if _, err := fmt.Fprintf(conn, "7d0\r\n%s\r\n", text); err != nil {
				break
			}
		}
		if sent >= 64<<20 {
			t.Errorf("the server took %d bytes", sent)
		}
	})
	if n := calls.Load(); n != 0 {
		t.Errorf("%d calls reached the service", n)
	}
	for _, header := range []string{"Content-Length: 14\r\n\r\n{\"text\":\"ok\"} ", "Transfer-Encoding: chunked\r\n\r\nd\r\n{\"text\":\"ok\"}\r\n0\r\n\r\n"} {
		conn := dial(t, s.http)
		fmt.Fprint(conn, "POST /v1/echo/7 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"+header)
		if got := answer(t, conn); !strings.HasPrefix(got, "200") {
			t.Errorf("a body that is allowed: %s", got)
		}
	}
}

// brief is a short timeout within which a busy machine can still send a request.
const brief = "1s"

func TestBodyTimeout(t *testing.T) {
	t.Parallel()
	s := start(t, nil, "-body-timeout", brief)
	const timedOut = `408 {"code":4,"message":"the body took longer than the limit of 1s","details":[]}`
	for name, test := range map[string]struct{ request, want string }{
		"in a value":    {"POST /v1/echo/7 HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", timedOut},
		"after a value": {"POST /v1/echo/7 HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{}", timedOut},
		"after a chunk": {"POST /v1/echo/7 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", timedOut},
		"over Connect": {
			"POST /test.v1.EchoService/Echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
			`504 {"code":"deadline_exceeded","message":"the body took longer than the limit of 1s: i/o timeout"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := dial(t, s.http)
			fmt.Fprint(conn, test.request)
			if got := answer(t, conn); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

func TestBodyTimeout_DoesNotBoundTheCall(t *testing.T) {
	t.Parallel()
	wait := func(ctx context.Context) error {
		select {
		case <-time.After(1300 * time.Millisecond):
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	s := startWith(t, []service.Option{service.WithUnaryInterceptors(
		func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			if err := wait(ctx); err != nil {
				return nil, err
			}
			return next(ctx, req)
		})}, nil, "-body-timeout", brief, "-idle-timeout", brief)
	for name, test := range map[string]struct {
		method, target string
		body           io.Reader
		lines          int
	}{
		"of a known length": {"POST", "/v1/echo/7", strings.NewReader(`{"text":"ok"}`), 0},
		"chunked":           {"POST", "/v1/echo/7", struct{ io.Reader }{strings.NewReader(`{"text":"ok"}`)}, 0},
		"with a stream":     {"GET", "/v1/echo/7/stream?count=4&interval=400ms", nil, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := http.NewRequestWithContext(t.Context(), test.method, "http://"+s.http+test.target, test.body)
			if err != nil {
				t.Fatal(err)
			}
			r.Close = true // a connection of its own
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if err != nil || response.StatusCode != http.StatusOK || strings.Count(string(body), "\n") != test.lines {
				t.Errorf("%d %s, %v", response.StatusCode, body, err)
			}
		})
	}
}

// closed checks that the server closes the connection, and that all it sends
// begins with prefix.
func closed(t *testing.T, conn net.Conn, prefix string) {
	t.Helper()
	got, err := io.ReadAll(conn)
	if errors.Is(err, os.ErrDeadlineExceeded) || !strings.HasPrefix(string(got), prefix) {
		t.Errorf("%q, %v; want the connection closed", got, err)
	}
}

func TestIdleTimeout(t *testing.T) {
	t.Parallel()
	s := start(t, nil, "-body-timeout", brief, "-idle-timeout", "200ms")
	for name, address := range map[string]string{"HTTP": s.http, "gRPC": s.grpc, "metrics": s.metrics} {
		t.Run(name+", which sends nothing", func(t *testing.T) {
			t.Parallel()
			closed(t, dial(t, address), "")
		})
	}
	t.Run("HTTP, in mid-header", func(t *testing.T) {
		t.Parallel()
		conn := dial(t, s.http)
		fmt.Fprint(conn, "GET /v1/ping HTTP/1.1\r\nHost")
		closed(t, conn, "")
	})
	t.Run("HTTP, after a request", func(t *testing.T) {
		t.Parallel()
		conn := dial(t, s.http)
		fmt.Fprint(conn, "GET /v1/ping HTTP/1.1\r\nHost: x\r\n\r\n")
		closed(t, conn, "HTTP/1.1 200 OK")
	})
	t.Run("gRPC, without a call", func(t *testing.T) {
		t.Parallel()
		if code := goAway(t, handshake(t, s.grpc)); code != http2.ErrCodeNo {
			t.Errorf("GOAWAY with %v", code)
		}
	})
}

func TestLargeHeaderIsRefused(t *testing.T) {
	s := start(t, nil)
	r, err := http.NewRequest(http.MethodGet, "http://"+s.http+"/v1/ping", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Large", strings.Repeat("x", 80<<10))
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("HTTP: %d", response.StatusCode)
	}
	client := testv1.NewPingServiceClient(connect(t, s))
	ctx := metadata.AppendToOutgoingContext(t.Context(), "large", strings.Repeat("x", 80<<10))
	if _, err := client.Ping(ctx, &testv1.PingRequest{}); err == nil {
		t.Error("gRPC: the call went through")
	}
}

func connect(t *testing.T, s *server) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(s.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// handshake opens an HTTP/2 connection.
func handshake(t *testing.T, address string) *http2.Framer {
	t.Helper()
	conn := dial(t, address)
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	framer := http2.NewFramer(conn, conn)
	if err := framer.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	return framer
}

// goAway reads until the server sends a GOAWAY frame, and returns its error code.
func goAway(t *testing.T, framer *http2.Framer) http2.ErrCode {
	t.Helper()
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			t.Fatalf("no GOAWAY: %v", err)
		}
		switch frame := frame.(type) {
		case *http2.GoAwayFrame:
			return frame.ErrCode
		case *http2.PingFrame: // follows a graceful GOAWAY
			_ = framer.WritePing(true, frame.Data)
		}
	}
}

func TestFrequentPingsCloseGRPCConnection(t *testing.T) {
	s := start(t, nil)
	framer := handshake(t, s.grpc)
	for range 10 {
		if err := framer.WritePing(false, [8]byte{}); err != nil {
			break
		}
	}
	if code := goAway(t, framer); code != http2.ErrCodeEnhanceYourCalm {
		t.Errorf("GOAWAY with %v", code)
	}
}

func TestMaxStreams(t *testing.T) {
	var running, most atomic.Int32
	s := startWith(t, []service.Option{service.WithUnaryInterceptors(
		func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			most.Store(max(most.Load(), running.Add(1)))
			defer running.Add(-1)
			time.Sleep(20 * time.Millisecond) // another call may begin if the limit allows it
			return next(ctx, req)
		})}, nil, "-max-streams", "1")
	client := testv1.NewPingServiceClient(connect(t, s))
	errs := make(chan error)
	for range 5 {
		go func() {
			_, err := client.Ping(t.Context(), &testv1.PingRequest{}, grpc.WaitForReady(true))
			errs <- err
		}()
	}
	for range 5 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if n := most.Load(); n != 1 {
		t.Errorf("%d calls of one connection at once", n)
	}
}

func TestMaxConnections(t *testing.T) {
	s := start(t, nil, "-max-connections", "1")
	first, second := dial(t, s.http), dial(t, s.http)
	fmt.Fprint(first, "GET /v1/ping HTTP/1.1\r\nHost: x\r\n\r\n")
	if _, err := first.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(second, "GET /v1/ping HTTP/1.1\r\nHost: x\r\n\r\n")
	_ = second.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if _, err := second.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a second connection was served: %v", err)
	}
	first.Close()
	_ = second.SetReadDeadline(time.Now().Add(within))
	if _, err := second.Read(make([]byte, 1)); err != nil {
		t.Errorf("the second connection was not served after the first: %v", err)
	}
	second.Close()
}

func TestLargeGRPCMessageFailsOnlyItsCall(t *testing.T) {
	s := start(t, nil)
	client := testv1.NewEchoServiceClient(connect(t, s))
	_, err := client.Echo(t.Context(), &testv1.EchoRequest{Id: "7", Text: strings.Repeat("x", 40<<20)})
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("40 MB: %v", err)
	}
	if _, err := client.Echo(t.Context(), &testv1.EchoRequest{Id: "7"}); err != nil {
		t.Errorf("the next call: %v", err)
	}
}
