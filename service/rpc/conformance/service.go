package main

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/anypb"

	spb "google.golang.org/genproto/googleapis/rpc/status"
)

// serviceDesc describes the service that the suite calls. Each request
// defines the response, and the response describes the request
// (docs/testing_servers.md of the suite).
func serviceDesc(files *protoregistry.Files) *grpc.ServiceDesc {
	unary := func(name, input, output string) grpc.MethodDesc {
		return grpc.MethodDesc{MethodName: name, Handler: func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			request := newMessage(files, protoreflect.Name(input))
			if err := decode(request.Interface()); err != nil {
				return nil, err
			}
			return serveUnary(ctx, files, request, newMessage(files, protoreflect.Name(output)))
		}}
	}
	return &grpc.ServiceDesc{
		ServiceName: packageName + "ConformanceService",
		Methods: []grpc.MethodDesc{
			unary("Unary", "UnaryRequest", "UnaryResponse"),
			unary("IdempotentUnary", "IdempotentUnaryRequest", "IdempotentUnaryResponse"),
			{MethodName: "Unimplemented", Handler: func(any, context.Context, func(any) error, grpc.UnaryServerInterceptor) (any, error) {
				return nil, status.Error(codes.Unimplemented, "Unimplemented is not implemented")
			}},
		},
		Streams: []grpc.StreamDesc{
			{StreamName: "ServerStream", ServerStreams: true, Handler: func(_ any, s grpc.ServerStream) error { return serveServerStream(files, s) }},
			{StreamName: "ClientStream", ClientStreams: true, Handler: func(_ any, s grpc.ServerStream) error { return serveClientStream(files, s) }},
			{StreamName: "BidiStream", ServerStreams: true, ClientStreams: true, Handler: func(_ any, s grpc.ServerStream) error { return serveBidiStream(files, s) }},
		},
	}
}

func serveUnary(ctx context.Context, files *protoregistry.Files, request, response message) (any, error) {
	definition := request.child("response_definition")
	if err := grpc.SetHeader(ctx, metadataOf(definition.messages("response_headers"))); err != nil {
		return nil, err
	}
	if err := grpc.SetTrailer(ctx, metadataOf(definition.messages("response_trailers"))); err != nil {
		return nil, err
	}
	return response.Interface(), fillResponse(ctx, files, definition, response.mutable("payload"), []message{request})
}

// fillResponse fills the payload of a single response, or returns the
// requested error, after the requested delay.
func fillResponse(ctx context.Context, files *protoregistry.Files, definition, payload message, requests []message) error {
	received := newMessage(files, "ConformancePayload").mutable("request_info")
	fillRequestInfo(ctx, received, requests)
	delay(definition)
	if definition.has("error") {
		return failure(definition.child("error"), &received)
	}
	payload.setBytes("data", definition.get("response_data").Bytes())
	payload.Set(payload.field("request_info"), protoreflect.ValueOfMessage(received.Message))
	return nil
}

func serveServerStream(files *protoregistry.Files, stream grpc.ServerStream) error {
	request := newMessage(files, "ServerStreamRequest")
	if err := stream.RecvMsg(request.Interface()); err != nil {
		return err
	}
	definition := request.child("response_definition")
	if err := begin(stream, definition); err != nil {
		return err
	}
	return finish(files, stream, "ServerStreamResponse", definition, []message{request}, 0)
}

func serveClientStream(files *protoregistry.Files, stream grpc.ServerStream) error {
	requests, err := receiveAll(files, stream, "ClientStreamRequest", nil)
	if err != nil {
		return err
	}
	response := newMessage(files, "ClientStreamResponse")
	definition := newMessage(files, "UnaryResponseDefinition")
	if len(requests) > 0 {
		definition = requests[0].child("response_definition")
	}
	if err := begin(stream, definition); err != nil {
		return err
	}
	if err := fillResponse(stream.Context(), files, definition, response.mutable("payload"), requests); err != nil {
		return err
	}
	return stream.SendMsg(response.Interface())
}

func serveBidiStream(files *protoregistry.Files, stream grpc.ServerStream) error {
	first := newMessage(files, "BidiStreamRequest")
	if err := stream.RecvMsg(first.Interface()); errors.Is(err, io.EOF) {
		return nil
	} else if err != nil {
		return err
	}
	definition := first.child("response_definition")
	requests := []message{first}
	if !first.get("full_duplex").Bool() {
		requests, err := receiveAll(files, stream, "BidiStreamRequest", requests)
		if err != nil {
			return err
		}
		if err := begin(stream, definition); err != nil {
			return err
		}
		return finish(files, stream, "BidiStreamResponse", definition, requests, 0)
	}
	if err := begin(stream, definition); err != nil {
		return err
	}
	data := definition.get("response_data").List()
	sent := 0
	for sent < data.Len() {
		if err := respond(files, stream, "BidiStreamResponse", definition, requests, sent); err != nil {
			return err
		}
		sent++
		next := newMessage(files, "BidiStreamRequest")
		if err := stream.RecvMsg(next.Interface()); errors.Is(err, io.EOF) {
			requests = nil
			break
		} else if err != nil {
			return err
		}
		requests = []message{next}
	}
	return finish(files, stream, "BidiStreamResponse", definition, requests, sent)
}

func receiveAll(files *protoregistry.Files, stream grpc.ServerStream, name string, requests []message) ([]message, error) {
	for {
		request := newMessage(files, protoreflect.Name(name))
		err := stream.RecvMsg(request.Interface())
		if errors.Is(err, io.EOF) {
			return requests, nil
		}
		if err != nil {
			return nil, err
		}
		requests = append(requests, request)
	}
}

// begin sends the header and sets the trailer.
func begin(stream grpc.ServerStream, definition message) error {
	stream.SetTrailer(metadataOf(definition.messages("response_trailers")))
	return stream.SendHeader(metadataOf(definition.messages("response_headers")))
}

// finish sends the responses from index sent on, and returns the error.
func finish(files *protoregistry.Files, stream grpc.ServerStream, name string, definition message, requests []message, sent int) error {
	for ; sent < definition.get("response_data").List().Len(); sent++ {
		if err := respond(files, stream, name, definition, requests, sent); err != nil {
			return err
		}
		requests = nil
	}
	if !definition.has("error") {
		return nil
	}
	if sent > 0 {
		return failure(definition.child("error"), nil)
	}
	received := newMessage(files, "ConformancePayload").mutable("request_info")
	fillRequestInfo(stream.Context(), received, requests)
	return failure(definition.child("error"), &received)
}

// respond sends one response after the requested delay. The first one
// describes the requests.
func respond(files *protoregistry.Files, stream grpc.ServerStream, name string, definition message, requests []message, index int) error {
	response := newMessage(files, protoreflect.Name(name))
	payload := response.mutable("payload")
	payload.setBytes("data", definition.get("response_data").List().Get(index).Bytes())
	switch {
	case index == 0:
		fillRequestInfo(stream.Context(), payload.mutable("request_info"), requests)
	case len(requests) > 0:
		addRequests(payload.mutable("request_info"), requests)
	}
	delay(definition)
	return stream.SendMsg(response.Interface())
}

func delay(definition message) {
	time.Sleep(time.Duration(definition.get("response_delay_ms").Uint()) * time.Millisecond)
}

const (
	// queryPrefix is the prefix of metadata keys that carry the query of a
	// GET.
	queryPrefix = "conformance-query-"

	// longestTimeout exceeds every timeout of the suite. It is less than the
	// time of an invocation, which has a deadline even if the client sets
	// none.
	longestTimeout = 20 * time.Second
)

// queryMetadata passes the query of a request to the service.
func queryMetadata(r *http.Request) metadata.MD {
	md := metadata.MD{}
	for name, values := range r.URL.Query() {
		for _, value := range values {
			md.Append(queryPrefix+name, base64.StdEncoding.EncodeToString([]byte(value)))
		}
	}
	return md
}

// fillRequestInfo describes the received requests in info.
func fillRequestInfo(ctx context.Context, info message, requests []message) {
	md, _ := metadata.FromIncomingContext(ctx)
	for key, values := range md {
		name, isQuery := strings.CutPrefix(key, queryPrefix)
		header := info
		if isQuery {
			header = info.mutable("connect_get_info").appendTo("query_params")
		} else {
			header = info.appendTo("request_headers")
		}
		header.setString("name", name)
		list := header.Mutable(header.field("value")).List()
		for _, value := range values {
			if isQuery {
				decoded, _ := base64.StdEncoding.DecodeString(value)
				value = string(decoded)
			} else if strings.HasSuffix(key, "-bin") {
				value = base64.RawStdEncoding.EncodeToString([]byte(value))
			}
			list.Append(protoreflect.ValueOfString(value))
		}
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < longestTimeout {
		info.setInt64("timeout_ms", max(time.Until(deadline).Milliseconds(), 0))
	}
	addRequests(info, requests)
}

func addRequests(info message, requests []message) {
	list := info.Mutable(info.field("requests")).List()
	for _, request := range requests {
		wrapped, err := anypb.New(request.Interface())
		if err != nil {
			panic(err) // never: the request has just been decoded
		}
		element := list.AppendMutable().Message()
		proto.Merge(element.Interface(), wrapped)
	}
}

// metadataOf returns the headers of the suite as metadata.
func metadataOf(headers []message) metadata.MD {
	md := metadata.MD{}
	for _, header := range headers {
		name := strings.ToLower(header.get("name").String())
		values := header.get("value").List()
		for i := range values.Len() {
			value := values.Get(i).String()
			if strings.HasSuffix(name, "-bin") {
				if decoded, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(value, "=")); err == nil {
					value = string(decoded)
				}
			}
			md.Append(name, value)
		}
	}
	return md
}

// failure returns the requested error. If received is not nil, it is added as
// a detail.
func failure(e message, received *message) error {
	s := &spb.Status{Code: int32(e.get("code").Enum()), Message: e.get("message").String()}
	for _, detail := range e.messages("details") {
		s.Details = append(s.Details, &anypb.Any{TypeUrl: detail.get("type_url").String(), Value: detail.get("value").Bytes()})
	}
	if received != nil {
		wrapped, err := anypb.New(received.Interface())
		if err != nil {
			return err
		}
		s.Details = append(s.Details, wrapped)
	}
	return status.FromProto(s).Err()
}
