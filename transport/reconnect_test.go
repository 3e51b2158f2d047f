package transport_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// breakable are server credentials that record connections, so that a test
// can break them.
type breakable struct {
	credentials.TransportCredentials
	mu    *sync.Mutex
	conns *[]net.Conn
}

func newBreakable() breakable {
	return breakable{insecure.NewCredentials(), new(sync.Mutex), new([]net.Conn)}
}

func (b breakable) Clone() credentials.TransportCredentials { return b }

func (b breakable) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	b.mu.Lock()
	*b.conns = append(*b.conns, conn)
	b.mu.Unlock()
	return b.TransportCredentials.ServerHandshake(conn)
}

// breakFirst breaks the oldest connection.
func (b breakable) breakFirst(t *testing.T) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := (*b.conns)[0].Close(); err != nil {
		t.Error(err)
	}
	*b.conns = (*b.conns)[1:]
}

// eventually calls f until it returns nil, or fails the test with what.
func eventually(t *testing.T, what string, f func() error) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: still %v", what, err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func checkOnce(t *testing.T, conn grpc.ClientConnInterface, service string) error {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: service})
	return err
}

func lost(conn transport.Conn) <-chan struct{} {
	return conn.(interface{ Lost() <-chan struct{} }).Lost()
}

func checkNotLost(t *testing.T, conn transport.Conn) {
	t.Helper()
	select {
	case <-lost(conn):
		t.Error("the Conn is lost")
	default:
	}
}

func waitLost(t *testing.T, conn transport.Conn) {
	t.Helper()
	select {
	case <-lost(conn):
	case <-time.After(20 * time.Second):
		t.Fatal("the Conn is not lost")
	}
}

// blocking returns a health server whose Check of "block" waits for release.
func blocking() (s transport.ServerConfig, started, release chan struct{}) {
	started, release = make(chan struct{}), make(chan struct{})
	return healthServer(func(_ context.Context, r *grpc_health_v1.HealthCheckRequest) error {
		if r.GetService() == "block" {
			close(started)
			<-release
		}
		return nil
	}), started, release
}

func TestUnixListensAgainAfterItsSocketWasRemoved(t *testing.T) {
	for name, remove := range map[string]func(t *testing.T, socket string){
		"the directory is removed": func(t *testing.T, socket string) {
			if err := os.RemoveAll(filepath.Dir(socket)); err != nil {
				t.Error(err)
			}
		},
		"the socket is removed": func(t *testing.T, socket string) {
			if err := os.Remove(socket); err != nil {
				t.Error(err)
			}
		},
		"another server stands in its place": func(t *testing.T, socket string) {
			dir := filepath.Dir(socket)
			if err := os.Rename(dir, dir+"-moved"); err != nil {
				t.Error(err)
			}
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Error(err)
			}
			l, err := net.Listen("unix", socket)
			if err != nil {
				t.Fatal(err)
			}
			impostor := grpc.NewServer()
			grpc_health_v1.RegisterHealthServer(impostor, health{check: func(context.Context, *grpc_health_v1.HealthCheckRequest) error {
				t.Error("a call went to another server")
				return nil
			}})
			served := make(chan error)
			go func() { served <- impostor.Serve(l) }()
			t.Cleanup(func() { impostor.Stop(); <-served })
		},
	} {
		t.Run(name, func(t *testing.T) {
			base := t.TempDir()
			connections := newBreakable()
			s, started, release := blocking()
			s.Options = []grpc.ServerOption{grpc.Creds(connections)}
			conn := open(t, transport.Unix(base), s)
			checkHealth(t, conn)
			socket := socketPath(t, base)

			// This call is in flight on another connection to the same server.
			other, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
			if err != nil {
				t.Fatal(err)
			}
			defer other.Close()
			inFlight := make(chan error)
			go func() { inFlight <- checkOnce(t, other, "block") }()
			<-started

			remove(t, socket)
			checkHealth(t, conn) // on the connection that there is
			connections.breakFirst(t)
			eventually(t, "calls after the connection broke", func() error { return checkOnce(t, conn, "") })
			for range 3 {
				checkHealth(t, conn)
			}
			checkNotLost(t, conn)
			close(release)
			if err := <-inFlight; err != nil {
				t.Errorf("call in flight: %v", err)
			}
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
			checkNotLost(t, conn)
			if name == "the directory is removed" || name == "the socket is removed" {
				if left, err := os.ReadDir(base); err != nil || len(left) > 0 {
					t.Errorf("left behind: %v, %v", left, err)
				}
			}
		})
	}
}

func TestUnixListensAgainWhenItsConnectionIsTooOld(t *testing.T) {
	base := t.TempDir()
	s, started, release := blocking()
	s.Options = []grpc.ServerOption{grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionAge: 50 * time.Millisecond})}
	conn := open(t, transport.Unix(base), s)
	socket := socketPath(t, base)
	inFlight := make(chan error)
	go func() { inFlight <- checkOnce(t, conn, "block") }()
	<-started
	if err := os.RemoveAll(filepath.Dir(socket)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "listening again", func() error {
		if err := checkOnce(t, conn, ""); err != nil {
			t.Errorf("a call while connections age: %v", err)
		}
		if countSockets(t, base) == 0 {
			return errors.New("there is no socket")
		}
		return nil
	})
	close(release)
	if err := <-inFlight; err != nil {
		t.Errorf("call in flight: %v", err)
	}
	checkNotLost(t, conn)
}

func TestUnixIsLostWhereItCannotListenAgain(t *testing.T) {
	base := filepath.Join(t.TempDir(), "base")
	if err := os.Mkdir(base, 0o700); err != nil {
		t.Fatal(err)
	}
	connections := newBreakable()
	s := healthServer(nil)
	s.Options = []grpc.ServerOption{grpc.Creds(connections)}
	conn := open(t, transport.Unix(base), s)
	checkHealth(t, conn)
	if err := os.RemoveAll(base); err != nil {
		t.Fatal(err)
	}
	checkHealth(t, conn)
	checkNotLost(t, conn)
	connections.breakFirst(t)
	eventually(t, "Lost", func() error {
		if err := checkOnce(t, conn, ""); err != nil && status.Code(err) != codes.Unavailable {
			t.Errorf("a call on a broken connection: %v, want Unavailable", err)
		}
		select {
		case <-lost(conn):
			return nil
		default:
			return errors.New("not closed")
		}
	})
	if err := checkOnce(t, conn, ""); status.Code(err) != codes.Unavailable {
		t.Errorf("a call on a lost Conn: %v, want Unavailable", err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}

func TestConnIsLostWhenSomebodyStopsItsServer(t *testing.T) {
	for _, tr := range []transport.Transport{transport.Unix(t.TempDir()), transport.Bufconn(), transport.TCP("localhost:0")} {
		for name, stop := range map[string]func(*grpc.Server){"Stop": (*grpc.Server).Stop, "GracefulStop": (*grpc.Server).GracefulStop} {
			t.Run(tr.Name()+" "+name, func(t *testing.T) {
				built := grpc.NewServer()
				grpc_health_v1.RegisterHealthServer(built, health{})
				conn := open(t, tr, transport.ServerConfig{GRPC: built})
				checkHealth(t, conn)
				checkNotLost(t, conn)
				stop(built)
				waitLost(t, conn)
				if err := checkOnce(t, conn, ""); status.Code(err) != codes.Unavailable {
					t.Errorf("a call after the server was stopped: %v, want Unavailable", err)
				}
				if err := conn.Close(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// Connections break and sockets disappear while calls are made and the Conn
// is closed. No call may hang and nothing may be left behind.
func TestUnixListensAgainUnderLoad(t *testing.T) {
	base := t.TempDir()
	connections := newBreakable()
	s := healthServer(nil)
	s.Options = []grpc.ServerOption{grpc.Creds(connections)}
	conn := open(t, transport.Unix(base), s)
	done := make(chan struct{})
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := checkOnce(t, conn, ""); err != nil && status.Code(err) != codes.Unavailable {
					t.Errorf("%v, want Unavailable at most", err)
				}
			}
		})
	}
	for range 30 {
		eventually(t, "a connection", func() error {
			connections.mu.Lock()
			defer connections.mu.Unlock()
			if len(*connections.conns) == 0 {
				return errors.New("none")
			}
			return nil
		})
		dirs, err := filepath.Glob(filepath.Join(base, "grpc-unix-*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, dir := range dirs {
			if err := os.RemoveAll(dir); err != nil {
				t.Error(err)
			}
		}
		connections.breakFirst(t)
	}
	close(done)
	callers.Wait()
	eventually(t, "calls at the end", func() error { return checkOnce(t, conn, "") })
	checkNotLost(t, conn)
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(base); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
