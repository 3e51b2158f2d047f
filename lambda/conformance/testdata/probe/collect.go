package probe

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	examplev1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/example/v1"
)

// CollectPath is where the client-streaming method of [Services] is bound. It
// answers with the texts of all messages, joined by commas.
const CollectPath = "/v1/collect"

const collectMethod = "/probe.v1.CollectService/Collect"

// collector has a client-streaming method, which the example services do not.
// What protoc's plugins would generate for it is written out below.
type collector struct{}

type (
	collectServer interface {
		Collect(grpc.ClientStreamingServer[examplev1.EchoRequest, examplev1.EchoResponse]) error
	}
	collectClient struct{ conn grpc.ClientConnInterface }
)

// Collect fails with the message of a text that begins with "fail:", when it
// arrives.
func (collector) Collect(stream grpc.ClientStreamingServer[examplev1.EchoRequest, examplev1.EchoResponse]) error {
	var texts []string
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return stream.SendAndClose(&examplev1.EchoResponse{Text: strings.Join(texts, ",")})
		}
		if err != nil {
			return err
		}
		if reason, fail := strings.CutPrefix(message.GetText(), "fail:"); fail {
			return status.Error(codes.FailedPrecondition, reason)
		}
		texts = append(texts, message.GetText())
	}
}

var collectStream = grpc.StreamDesc{
	StreamName:    "Collect",
	ClientStreams: true,
	Handler: func(server any, stream grpc.ServerStream) error {
		return server.(collectServer).Collect(&grpc.GenericServerStream[examplev1.EchoRequest, examplev1.EchoResponse]{ServerStream: stream})
	},
}

func registerCollectServer(r grpc.ServiceRegistrar, server collectServer) {
	r.RegisterService(&grpc.ServiceDesc{ServiceName: "probe.v1.CollectService", HandlerType: (*collectServer)(nil), Streams: []grpc.StreamDesc{collectStream}}, server)
}

func newCollectClient(conn grpc.ClientConnInterface) collectClient { return collectClient{conn} }

func registerCollectHandler(_ context.Context, mux *runtime.ServeMux, client collectClient) error {
	return mux.HandlePath(http.MethodPost, CollectPath, func(w http.ResponseWriter, r *http.Request, _ map[string]string) {
		in, out := runtime.MarshalerForRequest(mux, r)
		ctx, err := runtime.AnnotateContext(r.Context(), mux, r, collectMethod, runtime.WithHTTPPathPattern(CollectPath))
		if err == nil {
			var response *examplev1.EchoResponse
			if response, err = client.collect(ctx, in.NewDecoder(r.Body)); err == nil {
				runtime.ForwardResponseMessage(runtime.NewServerMetadataContext(ctx, runtime.ServerMetadata{}), mux, out, w, r, response)
				return
			}
		}
		runtime.HTTPError(r.Context(), mux, out, w, r, err)
	})
}

// collect sends each message as soon as it is decoded.
func (c collectClient) collect(ctx context.Context, messages runtime.Decoder) (*examplev1.EchoResponse, error) {
	raw, err := c.conn.NewStream(ctx, &collectStream, collectMethod)
	if err != nil {
		return nil, err
	}
	stream := &grpc.GenericClientStream[examplev1.EchoRequest, examplev1.EchoResponse]{ClientStream: raw}
	for {
		var message examplev1.EchoRequest
		err := messages.Decode(&message)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, status.Error(codes.InvalidArgument, err.Error())
		}
		if err := stream.Send(&message); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
	}
	return stream.CloseAndRecv()
}
