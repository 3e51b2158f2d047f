package trigger

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
)

// allowDirect allows direct invocations to call the unary methods of the service
// called name, or of all services if name is empty.
func (h *Handler) allowDirect(name string, services map[string]grpc.ServiceInfo) error {
	if _, ok := services[name]; name != "" && !ok {
		return fmt.Errorf("the service is not bound; these are: %s", strings.Join(slices.Sorted(maps.Keys(services)), ", "))
	}
	for serviceName, info := range services {
		if name != "" && name != serviceName {
			continue
		}
		for _, m := range info.Methods {
			if m.IsClientStream || m.IsServerStream {
				continue
			}
			full := serviceName + "/" + m.Name
			found, err := methodNamed(services, full)
			if err != nil {
				return err
			}
			h.direct[full] = found
		}
	}
	return nil
}

// callDirectly makes the call that a direct invocation asks for.
func (h *Handler) callDirectly(ctx context.Context, payload json.RawMessage) ([]byte, error) {
	var e struct {
		Method  string          `json:"method"`
		Request json.RawMessage `json:"request"`
	}
	if err := json.Unmarshal(payload, &e); err != nil {
		return nil, malformed(direct, errType(err))
	}
	m, ok := h.direct[strings.TrimPrefix(e.Method, "/")]
	if !ok {
		return nil, statusError(status.Newf(codes.Unimplemented, "unknown method %.256q", e.Method))
	}
	request, response := m.newRequest(), m.newResponse()
	if err := h.json.Unmarshal(e.Request, request); err != nil {
		return nil, statusError(status.Newf(codes.InvalidArgument, "request: %v", err))
	}
	info, _ := event.FromContext(ctx)
	item := Item{Source: direct, ID: info.InvocationID}
	info.Source, info.RequestID = direct, info.InvocationID
	ctx, cancel := h.withDeadline(context.WithValue(event.NewContext(ctx, info), itemKey{}, &item))
	defer cancel()
	if err := h.conn.Invoke(metadata.NewOutgoingContext(ctx, metadata.MD{}), m.path, request, response); err != nil {
		return nil, statusError(status.Convert(err))
	}
	out, err := h.json.Marshal(response)
	if err != nil {
		return nil, statusError(status.New(codes.Internal, "the response cannot be encoded"))
	}
	return out, nil
}

// statusError returns s as an error of the invocation. Step Functions can catch it
// by its type, the name of the code.
func statusError(s *status.Status) error {
	message, err := protojson.Marshal(s.Proto())
	if err != nil { // the type of a detail is not linked in
		withoutDetails := status.New(s.Code(), s.Message()).Proto()
		message, _ = protojson.Marshal(withoutDetails) // a code and a text always encode
	}
	return messages.InvokeResponse_Error{Type: s.Code().String(), Message: string(message)}
}
