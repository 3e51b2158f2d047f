package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/client"
)

// join sends three messages and expects one with their texts.
func join(t *testing.T, conn *client.Conn) {
	t.Helper()
	var header, trailer metadata.MD
	s, err := conn.NewStream(t.Context(), &streams.Streams[0], "/test.Streams/Join", grpc.Header(&header), grpc.Trailer(&trailer))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := s.SendMsg(&testv1.EchoRequest{Text: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.CloseSend(); err != nil {
		t.Fatal(err)
	}
	var response testv1.EchoResponse
	if err := s.RecvMsg(&response); err != nil || response.GetText() != "0+1+2" {
		t.Errorf("%q, %v", response.GetText(), err)
	}
	if err := s.RecvMsg(&response); err != io.EOF { //nolint:errorlint // generated clients compare with ==
		t.Errorf("%v after the only response", err)
	}
	if len(header.Get("x-header")) != 1 || cmp.Diff([]string{"\x00\xff"}, trailer.Get("x-trailer-bin")) != "" || len(s.Trailer().Get("x-trailer")) != 1 {
		t.Errorf("header %v, trailer %v", header, trailer)
	}
}

func TestConn_StreamsFromTheClient(t *testing.T) {
	h := newHandler(t, fake{})
	server := httptest.NewServer(h)
	defer server.Close()
	for name, options := range map[string][]client.Option{"Connect": nil, "gRPC-Web": {client.WithGRPCWeb()}} {
		t.Run(name, func(t *testing.T) {
			use(t, server.URL, join, options...)
			use(t, server.URL, bothDirections, options...)
			use(t, server.URL, tooEarly, options...)
			use(t, server.URL, abandoned, options...)
		})
	}
}

// bothDirections sends all messages and then receives.
func bothDirections(t *testing.T, conn *client.Conn) {
	s, err := conn.NewStream(t.Context(), &streams.Streams[1], "/test.Streams/Each")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"a", "", "c"} {
		if err := s.SendMsg(&testv1.EchoRequest{Text: text}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if header, err := s.Header(); err != nil || len(header.Get("x-header")) != 1 {
		t.Errorf("header %v, %v", header, err)
	}
	var got []string
	response := &testv1.EchoResponse{}
	for {
		err := s.RecvMsg(response) // into the same message
		if err == io.EOF {         //nolint:errorlint // likewise
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, response.GetText())
	}
	if diff := cmp.Diff([]string{"a", "", "c"}, got); diff != "" {
		t.Error(diff)
	}
	if len(s.Trailer().Get("x-trailer")) != 1 {
		t.Errorf("trailer %v", s.Trailer())
	}
	if err := s.SendMsg(&testv1.EchoRequest{}); err == nil {
		t.Error("no error from SendMsg at the end")
	}
}

// tooEarly asks for a response before the request is complete.
func tooEarly(t *testing.T, conn *client.Conn) {
	for name, receive := range map[string]func(grpc.ClientStream) error{
		"RecvMsg": func(s grpc.ClientStream) error { return s.RecvMsg(&testv1.EchoResponse{}) },
		"Header": func(s grpc.ClientStream) error {
			_, err := s.Header()
			return err
		},
	} {
		var finished error
		s, err := conn.NewStream(t.Context(), &streams.Streams[1], "/test.Streams/Each", grpc.OnFinish(func(err error) { finished = err }))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.SendMsg(&testv1.EchoRequest{}); err != nil {
			t.Fatal(err)
		}
		if err := receive(s); status.Code(err) != codes.Unimplemented {
			t.Errorf("%s: %v", name, err)
		}
		if status.Code(finished) != codes.Unimplemented {
			t.Errorf("%s: finished with %v", name, finished)
		}
		if err := s.SendMsg(&testv1.EchoRequest{}); !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v from SendMsg of a call that has ended", name, err)
		}
		if err := s.RecvMsg(&testv1.EchoResponse{}); status.Code(err) != codes.Unimplemented {
			t.Errorf("%s: %v the second time", name, err)
		}
	}
}

// abandoned cancels the call before it has sent all messages.
func abandoned(t *testing.T, conn *client.Conn) {
	ctx, cancel := context.WithCancel(t.Context())
	s, err := conn.NewStream(ctx, &streams.Streams[0], "/test.Streams/Join")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SendMsg(&testv1.EchoRequest{}); err != nil {
		t.Fatal(err)
	}
	cancel()
	_ = s.CloseSend()
	if err := s.RecvMsg(&testv1.EchoResponse{}); status.Code(err) != codes.Canceled {
		t.Errorf("%v after a cancel", err)
	}
}

// Each message of a server's stream can be read before the next is sent.
func TestConn_StreamsFromTheServer(t *testing.T) {
	next := make(chan struct{})
	h := newHandler(t, fake{stream: func(r *testv1.EchoStreamRequest, s grpc.ServerStreamingServer[testv1.EchoStreamResponse]) error {
		for i := range r.GetCount() {
			if err := s.Send(&testv1.EchoStreamResponse{Sequence: i + 1}); err != nil {
				return err
			}
			<-next
		}
		s.SetTrailer(metadata.Pairs("x-trailer", "t"))
		return status.Error(codes.Aborted, "enough")
	}})
	server := httptest.NewServer(h)
	defer server.Close()
	for name, options := range map[string][]client.Option{"Connect": nil, "Connect in JSON": {client.WithJSON()}, "gRPC-Web": {client.WithGRPCWeb()}} {
		t.Run(name, func(t *testing.T) {
			use(t, server.URL, func(t *testing.T, conn *client.Conn) {
				s, err := testv1.NewEchoServiceClient(conn).EchoStream(t.Context(), &testv1.EchoStreamRequest{Count: 3})
				if err != nil {
					t.Fatal(err)
				}
				for i := range int32(3) {
					response, err := s.Recv()
					if err != nil || response.GetSequence() != i+1 {
						t.Fatalf("%v, %v", response, err)
					}
					next <- struct{}{}
				}
				if _, err := s.Recv(); status.Code(err) != codes.Aborted || status.Convert(err).Message() != "enough" {
					t.Errorf("%v at the end", err)
				}
				if len(s.Trailer().Get("x-trailer")) != 1 {
					t.Errorf("trailer %v", s.Trailer())
				}
			}, options...)
		})
	}
}
