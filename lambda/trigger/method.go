package trigger

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"
)

// envelopeName is the name of the message that holds a whole [Item].
const envelopeName = "lambdagrpc.trigger.v1.Event"

// A method is a gRPC method that a trigger calls.
type method struct {
	path          string // "/orders.v1.Orders/Create"
	input, output protoreflect.MessageType
}

// methodNamed returns the method called name, such as "orders.v1.Orders/Create",
// of the bound services.
func methodNamed(services map[string]grpc.ServiceInfo, name string) (*method, error) {
	serviceName, methodName, ok := strings.Cut(strings.TrimPrefix(name, "/"), "/")
	if !ok || serviceName == "" || methodName == "" {
		return nil, fmt.Errorf("method %q: want one such as orders.v1.Orders/Create", name)
	}
	service, ok := services[serviceName]
	if !ok {
		return nil, fmt.Errorf("method %q: the service is not bound; these are: %s", name, strings.Join(slices.Sorted(maps.Keys(services)), ", "))
	}
	i := slices.IndexFunc(service.Methods, func(m grpc.MethodInfo) bool { return m.Name == methodName })
	if i < 0 {
		return nil, fmt.Errorf("method %q: the service has no such method", name)
	}
	if m := service.Methods[i]; m.IsClientStream || m.IsServerStream {
		return nil, fmt.Errorf("method %q: want a unary method, not a stream", name)
	}
	descriptor, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(serviceName))
	found, ok := descriptor.(protoreflect.ServiceDescriptor)
	if err != nil || !ok || found.Methods().ByName(protoreflect.Name(methodName)) == nil {
		return nil, fmt.Errorf("method %q: the program has no descriptor of the service", name)
	}
	m := found.Methods().ByName(protoreflect.Name(methodName))
	return &method{"/" + serviceName + "/" + methodName, messageType(m.Input()), messageType(m.Output())}, nil
}

// messageType returns the generated type of a message, or a dynamic type if the
// program has no generated one.
func messageType(d protoreflect.MessageDescriptor) protoreflect.MessageType {
	if t, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName()); err == nil {
		return t
	}
	return dynamicpb.NewMessageType(d)
}

func (m *method) newRequest() proto.Message  { return m.input.New().Interface() }
func (m *method) newResponse() proto.Message { return m.output.New().Interface() }
