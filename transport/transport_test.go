package transport_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("TRANSPORT_TEST_HOLD"); dir != "" {
		hold(dir)
	}
	goleak.VerifyTestMain(m)
}

// hold opens a socket in dir and waits to be killed.
func hold(dir string) {
	if _, err := transport.Unix(dir).Open(context.Background(), healthServer(nil)); err != nil {
		panic(err)
	}
	os.Stdout.WriteString("open\n")
	time.Sleep(time.Minute)
	os.Exit(1)
}

// health is a health service that responds with check, or with SERVING.
type health struct {
	grpc_health_v1.UnimplementedHealthServer
	check func(context.Context, *grpc_health_v1.HealthCheckRequest) error
}

func (h health) Check(ctx context.Context, r *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	if h.check != nil {
		if err := h.check(ctx, r); err != nil {
			return nil, err
		}
	}
	return &grpc_health_v1.HealthCheckResponse{Status: grpc_health_v1.HealthCheckResponse_SERVING}, nil
}

func healthServer(check func(context.Context, *grpc_health_v1.HealthCheckRequest) error) transport.ServerConfig {
	return transport.ServerConfig{
		Register: func(r grpc.ServiceRegistrar) { grpc_health_v1.RegisterHealthServer(r, health{check: check}) },
	}
}

func open(t *testing.T, tr transport.Transport, s transport.ServerConfig) transport.Conn {
	t.Helper()
	conn, err := tr.Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func checkHealth(t *testing.T, conn transport.Conn) {
	t.Helper()
	r, err := grpc_health_v1.NewHealthClient(conn).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if r.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		t.Fatalf("status = %v, want SERVING", r.GetStatus())
	}
}

// each runs test once for every transport.
func each(t *testing.T, test func(*testing.T, transport.Transport)) {
	for _, name := range []string{"unix", "bufconn", "inproc", "tcp"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			tr, err := transport.Parse(name)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { // after those that test adds
				if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
					t.Errorf("left behind: %v, %v", left, err)
				}
			})
			test(t, tr)
		})
	}
}

func TestOpenIsReadyAndCanBeRepeated(t *testing.T) {
	each(t, func(t *testing.T, tr transport.Transport) {
		a, b := open(t, tr, healthServer(nil)), open(t, tr, healthServer(nil))
		for _, conn := range []transport.Conn{a, b} {
			if conn.Transport() != tr.Name() {
				t.Errorf("Transport() = %q, want %q", conn.Transport(), tr.Name())
			}
			checkHealth(t, conn)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		if err := a.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
		checkHealth(t, b)
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		_, err := grpc_health_v1.NewHealthClient(a).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
		if code := status.Code(err); code != codes.Canceled && code != codes.Unavailable {
			t.Errorf("call after Close: %v, want Canceled or Unavailable", err)
		}
	})
}

func TestCloseLetsCallsInFlightFinish(t *testing.T) {
	each(t, func(t *testing.T, tr transport.Transport) {
		started, release := make(chan struct{}), make(chan struct{})
		conn := open(t, tr, healthServer(func(context.Context, *grpc_health_v1.HealthCheckRequest) error {
			close(started)
			<-release
			return nil
		}))
		result := make(chan error)
		go func() {
			_, err := grpc_health_v1.NewHealthClient(conn).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
			result <- err
		}()
		<-started
		closed := make(chan error)
		go func() { closed <- conn.Close() }()
		select {
		case <-closed:
			t.Error("Close returned before the call did")
		case <-time.After(50 * time.Millisecond):
		}
		close(release)
		if err := <-result; err != nil {
			t.Errorf("call in flight: %v", err)
		}
		if err := <-closed; err != nil {
			t.Errorf("Close: %v", err)
		}
	})
}

func TestCloseCancelsWhatDoesNotFinish(t *testing.T) {
	each(t, func(t *testing.T, tr transport.Transport) {
		started := make(chan struct{})
		s := healthServer(func(ctx context.Context, _ *grpc_health_v1.HealthCheckRequest) error {
			close(started)
			<-ctx.Done()
			return ctx.Err()
		})
		s.DrainTimeout = 20 * time.Millisecond
		conn := open(t, tr, s)
		result := make(chan error)
		go func() {
			_, err := grpc_health_v1.NewHealthClient(conn).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
			result <- err
		}()
		<-started
		if err := conn.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if err := <-result; status.Code(err) != codes.Unavailable && status.Code(err) != codes.Canceled {
			t.Errorf("cancelled call: %v, want Unavailable or Canceled", err)
		}
	})
}

func TestCloseReportsAHandlerThatIgnoresItsContext(t *testing.T) {
	each(t, func(t *testing.T, tr transport.Transport) {
		started, release := make(chan struct{}), make(chan struct{})
		s := healthServer(func(context.Context, *grpc_health_v1.HealthCheckRequest) error {
			close(started)
			<-release
			return nil
		})
		s.DrainTimeout = 20 * time.Millisecond
		conn := open(t, tr, s)
		result := make(chan error)
		go func() {
			_, err := grpc_health_v1.NewHealthClient(conn).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
			result <- err
		}()
		<-started
		if err := conn.Close(); err == nil || !strings.Contains(err.Error(), "still running") {
			t.Errorf("Close: %v, want an error that says a handler is still running", err)
		}
		<-result
		close(release)
	})
}

func TestOpenEndsWithItsContext(t *testing.T) {
	each(t, func(t *testing.T, tr transport.Transport) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		conn, err := tr.Open(ctx, healthServer(nil))
		if err == nil {
			conn.Close()
			t.Fatal("Open succeeded after its context had ended")
		}
		if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), tr.Name()) {
			t.Errorf("error = %v, want one that names %s and wraps context.Canceled", err, tr.Name())
		}
	})
}

func TestOpen_RefusesContradictoryConfig(t *testing.T) {
	each(t, func(t *testing.T, tr transport.Transport) {
		if _, err := tr.Open(t.Context(), transport.ServerConfig{}); err == nil || !strings.Contains(err.Error(), "nothing to serve") {
			t.Errorf("empty Server: %v", err)
		}
		built := grpc.NewServer()
		defer built.Stop()
		s := healthServer(nil)
		s.GRPC = built
		if _, err := tr.Open(t.Context(), s); err == nil || !strings.Contains(err.Error(), "GRPC") {
			t.Errorf("Register beside GRPC: %v", err)
		}
	})
}

func TestInterceptorsSeeEveryCallInOrder(t *testing.T) {
	each(t, func(t *testing.T, tr transport.Transport) {
		var mu sync.Mutex
		var seen []string
		note := func(s string) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, s)
		}
		s := healthServer(nil)
		for _, name := range []string{"a", "b"} {
			s.UnaryInterceptors = append(s.UnaryInterceptors, func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
				note(name + info.FullMethod)
				return next(ctx, req)
			})
		}
		conn := open(t, tr, s)
		checkHealth(t, conn)
		checkHealth(t, conn)
		want := strings.Repeat("a/grpc.health.v1.Health/Check b/grpc.health.v1.Health/Check ", 2)
		if got := strings.Join(seen, " ") + " "; got != want {
			t.Errorf("seen %q, want %q", got, want)
		}
	})
}

func TestServerBuiltByTheCaller(t *testing.T) {
	for _, tr := range []transport.Transport{transport.Unix(t.TempDir()), transport.Bufconn(), transport.TCP("localhost:0")} {
		built := grpc.NewServer()
		grpc_health_v1.RegisterHealthServer(built, health{})
		conn := open(t, tr, transport.ServerConfig{GRPC: built})
		checkHealth(t, conn)
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		if _, err := tr.Open(t.Context(), transport.ServerConfig{GRPC: built}); !errors.Is(err, grpc.ErrServerStopped) {
			t.Errorf("%s: a stopped server: %v, want ErrServerStopped", tr.Name(), err)
		}
	}
}

func TestUnixFilesAreAccessibleOnlyToThisUser(t *testing.T) {
	dir := t.TempDir()
	open(t, transport.Unix(dir), healthServer(nil))
	sockets, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil || len(sockets) != 1 {
		t.Fatalf("sockets: %v, %v", sockets, err)
	}
	for path, want := range map[string]os.FileMode{
		filepath.Dir(sockets[0]): os.ModeDir | 0o700,
		sockets[0]:               os.ModeSocket | 0o600,
	} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode(), want)
		}
	}
}

func TestUnixRemovesWhatKilledProcessesLeft(t *testing.T) {
	dir := t.TempDir()
	for range 3 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "TRANSPORT_TEST_HOLD="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Read(make([]byte, 5)); err != nil {
			t.Fatal(err)
		}
		if n := countSockets(t, dir); n != 1 {
			t.Errorf("%d sockets while one process runs, want 1", n)
		}
		// Open keeps live sockets, and files that only look similar.
		conn := open(t, transport.Unix(dir), healthServer(nil))
		if n := countSockets(t, dir); n != 2 {
			t.Errorf("%d sockets while two run, want 2", n)
		}
		conn.Close()
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
	}
	foreign := filepath.Join(dir, "grpc-unix-foreign")
	if err := os.Mkdir(foreign, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(foreign, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	open(t, transport.Unix(dir), healthServer(nil)).Close()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 || left[0].Name() != "grpc-unix-foreign" {
		t.Errorf("left: %v, %v, want only what is not ours", left, err)
	}
}

func countSockets(t *testing.T, dir string) int {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "grpc-unix-*", "s"))
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}

func TestUnixInOneDirectoryFromManyAtOnce(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10 {
				conn, err := transport.Unix(dir).Open(t.Context(), healthServer(nil))
				if err != nil {
					t.Error(err)
					return
				}
				checkHealth(t, conn)
				conn.Close()
			}
		})
	}
	wg.Wait()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestErrorsSayWhatFailed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	long := filepath.Join(t.TempDir(), strings.Repeat("x", 100))
	if err := os.Mkdir(long, 0o700); err != nil {
		t.Fatal(err)
	}
	busy, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	for name, test := range map[string]struct {
		transport transport.Transport
		want      []string
	}{
		"a directory that cannot be written": {transport.Unix(file), []string{"transport unix", "directory", file}},
		"a path that is too long":            {transport.Unix(long), []string{"transport unix", "at most 107", long}},
		"an address in use":                  {transport.TCP(busy.Addr().String()), []string{"transport tcp", busy.Addr().String(), "in use"}},
		"all of several": {
			transport.FirstOf(transport.Unix(file), transport.TCP(busy.Addr().String())),
			[]string{"transport unix", "transport tcp"},
		},
		"none of none": {transport.FirstOf(), []string{"no transports"}},
	} {
		conn, err := test.transport.Open(t.Context(), healthServer(nil))
		if err == nil {
			conn.Close()
			t.Errorf("%s: no error", name)
			continue
		}
		for _, want := range test.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %q does not say %q", name, err, want)
			}
		}
	}
	if left, err := os.ReadDir(long); err != nil || len(left) > 0 {
		t.Errorf("left behind by a failed Open: %v, %v", left, err)
	}
}

func TestFirstOf_FallsBackWithOneWarning(t *testing.T) {
	var log bytes.Buffer
	s := healthServer(nil)
	s.Logger = slog.New(slog.NewTextHandler(&log, nil))
	tr := transport.FirstOf(transport.Unix(filepath.Join(t.TempDir(), "missing")), transport.Bufconn(), transport.TCP("localhost:0"))
	if got, want := tr.Name(), "unix,bufconn,tcp"; got != want {
		t.Errorf("Name() = %q, want %q", got, want)
	}
	conn := open(t, tr, s)
	checkHealth(t, conn)
	if conn.Transport() != "bufconn" {
		t.Errorf("Transport() = %q, want bufconn", conn.Transport())
	}
	if n := strings.Count(log.String(), "level=WARN"); n != 1 || !strings.Contains(log.String(), "missing") {
		t.Errorf("log has %d warnings, want one with the cause:\n%s", n, &log)
	}
}

func TestParse(t *testing.T) {
	for list, want := range map[string]string{
		"unix":                    "unix",
		" unix , bufconn":         "unix,bufconn",
		"inproc,tcp,bufconn":      "inproc,tcp,bufconn",
		"tcp,unix,inproc,bufconn": "tcp,unix,inproc,bufconn",
	} {
		tr, err := transport.Parse(list)
		if err != nil {
			t.Errorf("%q: %v", list, err)
		} else if tr.Name() != want {
			t.Errorf("%q: Name() = %q, want %q", list, tr.Name(), want)
		}
	}
	for list, want := range map[string]string{
		"":             "unix, bufconn, inproc, tcp",
		"nonsense":     `"nonsense": want one of unix, bufconn, inproc, tcp`,
		"unix,,tcp":    "unix, bufconn, inproc, tcp",
		"unix,UNIX":    `"UNIX"`,
		"tcp,unix,tcp": "tcp is named twice",
	} {
		if _, err := transport.Parse(list); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %q", list, err, want)
		}
	}
}

func TestConcurrentCallsKeepTheirPayloads(t *testing.T) {
	each(t, func(t *testing.T, tr transport.Transport) {
		var calls atomic.Int32
		conn := open(t, tr, healthServer(func(_ context.Context, r *grpc_health_v1.HealthCheckRequest) error {
			calls.Add(1)
			return status.Error(codes.NotFound, r.GetService())
		}))
		client := grpc_health_v1.NewHealthClient(conn)
		var wg sync.WaitGroup
		for i := range 1000 {
			wg.Go(func() {
				want := strings.Repeat(string(rune('a'+i%26)), i)
				_, err := client.Check(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: want})
				if got := status.Convert(err).Message(); got != want {
					t.Errorf("got %.20q, want %.20q", got, want)
				}
			})
		}
		wg.Wait()
		if calls.Load() != 1000 {
			t.Errorf("%d calls reached the handler, want 1000", calls.Load())
		}
	})
}

// socketPath returns the path of the only socket in dir.
func socketPath(t *testing.T, dir string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "grpc-unix-*", "s"))
	if err != nil || len(found) != 1 {
		t.Fatalf("sockets: %v, %v, want one", found, err)
	}
	return found[0]
}
