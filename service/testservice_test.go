package service_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/grpc"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

// testService returns what it receives. A test can replace its methods.
type testService struct {
	testv1.UnimplementedTestServiceServer
	get      func(context.Context, *testv1.GetRequest) (*testv1.GetResponse, error)
	exists   func(context.Context, *testv1.ExistsRequest) (*testv1.ExistsResponse, error)
	list     func(*testv1.ListRequest, grpc.ServerStreamingServer[testv1.ListResponse]) error
	read     func(context.Context, *testv1.ReadRequest) (*httpbody.HttpBody, error)
	download func(*testv1.DownloadRequest, grpc.ServerStreamingServer[httpbody.HttpBody]) error
	chat     func(grpc.BidiStreamingServer[testv1.ChatRequest, testv1.ChatResponse]) error
	collect  func(grpc.ClientStreamingServer[testv1.CollectRequest, testv1.CollectResponse]) error
}

func bindTest(s testService) service.Option {
	return service.Bind[testv1.TestServiceServer](testv1.RegisterTestServiceServer, testv1.NewTestServiceClient, testv1.RegisterTestServiceHandlerClient, s)
}

func (s testService) Get(ctx context.Context, r *testv1.GetRequest) (*testv1.GetResponse, error) {
	if s.get != nil {
		return s.get(ctx, r)
	}
	return &testv1.GetResponse{Name: r.GetName(), Text: r.GetText(), State: r.GetState(), Tags: r.GetTags(), Item: r.GetItem(), Items: r.GetItems()}, nil
}

func (s testService) Exists(ctx context.Context, r *testv1.ExistsRequest) (*testv1.ExistsResponse, error) {
	if s.exists != nil {
		return s.exists(ctx, r)
	}
	return &testv1.ExistsResponse{}, nil
}

func (s testService) Update(_ context.Context, r *testv1.UpdateRequest) (*testv1.UpdateResponse, error) {
	return &testv1.UpdateResponse{Item: r.GetItem(), UpdateMask: r.GetUpdateMask()}, nil
}

func (s testService) List(r *testv1.ListRequest, stream grpc.ServerStreamingServer[testv1.ListResponse]) error {
	if s.list != nil {
		return s.list(r, stream)
	}
	for i := range r.GetCount() {
		if err := stream.Send(&testv1.ListResponse{Item: &testv1.Item{Name: fmt.Sprint(i + 1)}}); err != nil {
			return err
		}
	}
	return nil
}

func (s testService) Collect(stream grpc.ClientStreamingServer[testv1.CollectRequest, testv1.CollectResponse]) error {
	if s.collect != nil {
		return s.collect(stream)
	}
	response := &testv1.CollectResponse{}
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return stream.SendAndClose(response)
		}
		if err != nil {
			return err
		}
		response.Texts = append(response.Texts, m.GetText())
	}
}

func (s testService) Chat(stream grpc.BidiStreamingServer[testv1.ChatRequest, testv1.ChatResponse]) error {
	if s.chat != nil {
		return s.chat(stream)
	}
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return stream.Send(&testv1.ChatResponse{Text: "end"})
		}
		if err != nil {
			return err
		}
		if err := stream.Send(&testv1.ChatResponse{Text: m.GetText()}); err != nil {
			return err
		}
	}
}

func (s testService) Read(ctx context.Context, r *testv1.ReadRequest) (*httpbody.HttpBody, error) {
	if s.read != nil {
		return s.read(ctx, r)
	}
	return &httpbody.HttpBody{ContentType: "image/png", Data: []byte("\x89PNG\x00\xff")}, nil
}

func (s testService) Download(r *testv1.DownloadRequest, stream grpc.ServerStreamingServer[httpbody.HttpBody]) error {
	if s.download != nil {
		return s.download(r, stream)
	}
	for _, piece := range []string{"one\n", "", "\x00\xff", "three"} {
		if err := stream.Send(&httpbody.HttpBody{ContentType: "application/zip", Data: []byte(piece)}); err != nil {
			return err
		}
	}
	return nil
}

func (s testService) Upload(_ context.Context, r *testv1.UploadRequest) (*testv1.UploadResponse, error) {
	return &testv1.UploadResponse{SizeBytes: int64(len(r.GetBody().GetData())), ContentType: r.GetBody().GetContentType()}, nil
}

// isError fails the test unless a is the gateway's response for the error.
func isError(t *testing.T, a response, code int, grpcCode float64, message string) {
	t.Helper()
	fields := a.fields(t)
	if a.code != code || fields["code"] != grpcCode || fields["message"] != message {
		t.Errorf("answer %d %s, want %d with code %v and message %q", a.code, a.body, code, grpcCode, message)
	}
}
