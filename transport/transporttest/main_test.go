package transporttest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// Only a separate process can have a main goroutine that is locked to its
// thread from the start, as in a program with a window. These environment
// variables select such a process and the transport of its calls.
const (
	lockedVariable    = "TRANSPORTTEST_LOCKED"
	transportVariable = "TRANSPORTTEST_TRANSPORT"
)

// This is an init function because a goroutine that it locks stays locked in main.
func init() {
	switch os.Getenv(lockedVariable) {
	case "calls in init":
		runtime.LockOSThread()
		exit(makeCalls(false))
	case "locked in init", "locked in init, others call first":
		runtime.LockOSThread()
	}
}

func TestMain(m *testing.M) {
	switch os.Getenv(lockedVariable) {
	case "":
		os.Exit(m.Run())
	case "locked in main":
		runtime.LockOSThread()
		exit(makeCalls(false))
	case "locked in main, others call first":
		runtime.LockOSThread()
		exit(makeCalls(true))
	case "locked in init":
		exit(makeCalls(false))
	case "locked in init, others call first":
		exit(makeCalls(true))
	}
}

func exit(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("all calls were answered")
	os.Exit(0)
}

// TestLockedMain makes calls from a main goroutine that is locked to its thread.
func TestLockedMain(t *testing.T) {
	for _, kind := range []string{
		"calls in init",
		"locked in init", "locked in init, others call first",
		"locked in main", "locked in main, others call first",
	} {
		for _, name := range []string{"unix", "bufconn", "tcp", "inproc"} {
			t.Run(kind+"/"+name, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				command := exec.CommandContext(ctx, os.Args[0])
				command.Env = append(os.Environ(), lockedVariable+"="+kind, transportVariable+"="+name)
				out, err := command.CombinedOutput()
				if err != nil || !strings.Contains(string(out), "all calls were answered") {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
	}
}

// makeCalls makes calls from the current goroutine. If others is set,
// goroutines that are not locked make calls before and at the same time.
func makeCalls(others bool) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	tr, err := transport.Parse(os.Getenv(transportVariable))
	if err != nil {
		return err
	}
	conn, err := tr.Open(ctx, transport.ServerConfig{Register: func(r grpc.ServiceRegistrar) {
		healthpb.RegisterHealthServer(r, health.NewServer())
	}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	client := healthpb.NewHealthClient(conn)
	var clients sync.WaitGroup
	if others {
		for range 4 {
			clients.Go(func() { _ = check(ctx, client) })
		}
		clients.Wait()
		for range 4 {
			clients.Go(func() { _ = check(ctx, client) })
		}
	}
	for range 20 {
		if err := check(ctx, client); err != nil {
			return err
		}
	}
	clients.Wait()
	return check(ctx, client)
}

// check makes a unary call, a stream, and a call that its client cancels.
func check(ctx context.Context, client healthpb.HealthClient) error {
	if _, err := client.Check(ctx, &healthpb.HealthCheckRequest{}); err != nil {
		return err
	}
	leaving, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := client.Watch(leaving, &healthpb.HealthCheckRequest{})
	if err == nil {
		_, err = stream.Recv()
	}
	if err != nil {
		return err
	}
	cancel()
	if _, err = stream.Recv(); err == nil || errors.Is(err, io.EOF) {
		return fmt.Errorf("after the cancellation: %w", err)
	}
	if _, err := client.Check(leaving, &healthpb.HealthCheckRequest{}); err == nil {
		return errors.New("a call with a cancelled context succeeded")
	}
	return nil
}
