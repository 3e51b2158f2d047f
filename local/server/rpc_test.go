package server_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/client"
)

type channel interface {
	grpc.ClientConnInterface
	io.Closer
}

func TestRun_EveryProtocolOnTheHTTPPort(t *testing.T) {
	s := start(t, nil)
	channels := map[string]func() (channel, error){
		"gRPC": func() (channel, error) {
			return grpc.NewClient(s.http, grpc.WithTransportCredentials(insecure.NewCredentials()))
		},
		"gRPC-Web": func() (channel, error) {
			return client.New("http://"+s.http, client.WithGRPCWeb())
		},
		"Connect": func() (channel, error) {
			return client.New("http://" + s.http)
		},
	}
	for name, dial := range channels {
		conn, err := dial()
		if err != nil {
			t.Fatal(err)
		}
		ctx := metadata.AppendToOutgoingContext(t.Context(), "x-request-id", name)
		if r, err := testv1.NewPingServiceClient(conn).Ping(ctx, &testv1.PingRequest{}); err != nil || r.GetMessage() != "Pong" {
			t.Errorf("%s: %v, %v", name, r, err)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		if !strings.Contains(s.log.String(), "requestId="+name+" ") {
			t.Errorf("%s: the log does not say who called:\n%s", name, s.log)
		}
	}
	if got := get(t, "http://"+s.http+"/v1/ping"); !strings.Contains(got, "Pong") {
		t.Errorf("REST: %q", got)
	}
	http.DefaultClient.CloseIdleConnections()
	if err := s.wait(t); err != nil {
		t.Error(err)
	}
}

func TestRPCOff(t *testing.T) {
	s := start(t, map[string]string{"RPC": "off"})
	conn, err := client.New("http://" + s.http)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := testv1.NewPingServiceClient(conn).Ping(t.Context(), &testv1.PingRequest{}); status.Code(err) != codes.Unimplemented {
		t.Errorf("%v, want Unimplemented", err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if err := s.wait(t); err != nil {
		t.Error(err)
	}
}
