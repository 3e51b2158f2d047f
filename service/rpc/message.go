package rpc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"connectrpc.com/connect/v2/connectproto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"
)

// A frame is an encoded message. Its data must not be changed, since grpc-go
// may send it later.
type frame struct {
	data    []byte
	present bool // false if the message is empty and was not encoded
}

// A codec passes the bytes of a frame to connecthttp and back, for messages
// in protobuf and in JSON. The method converts between the two.
type codec struct{ name string }

// Name implements [connect.Codec].
func (c codec) Name() string { return c.name }

// MarshalWrite implements [connect.Codec]. msg is a frame, or a message if it
// is a detail of an error.
func (c codec) MarshalWrite(ctx context.Context, dst io.Writer, msg any) error {
	f, ok := msg.(*frame)
	if !ok {
		return connectproto.NewBinaryCodec().MarshalWrite(ctx, dst, msg)
	}
	_, err := dst.Write(f.data)
	return err
}

// UnmarshalRead implements [connect.Codec].
func (c codec) UnmarshalRead(_ context.Context, src io.Reader, msg any) error {
	f, ok := msg.(*frame)
	if !ok {
		return fmt.Errorf("rpc: cannot read into a %T", msg)
	}
	var err error
	f.data, err = readAll(src)
	f.present = true
	return err
}

// readAll reads src to its end. It allocates once if the size is known.
func readAll(src io.Reader) ([]byte, error) {
	var b bytes.Buffer
	if sized, ok := src.(interface{ Len() int }); ok {
		b.Grow(sized.Len() + bytes.MinRead)
	}
	_, err := b.ReadFrom(src)
	return b.Bytes(), err
}

// passThrough passes the bytes of a frame to grpc-go and back. Its name is
// empty so that the service sees the content type application/grpc. The bytes
// are protobuf.
type passThrough struct{}

// Name implements [google.golang.org/grpc/encoding.CodecV2].
func (passThrough) Name() string { return "" }

// Marshal implements [google.golang.org/grpc/encoding.CodecV2].
func (passThrough) Marshal(v any) (mem.BufferSlice, error) {
	f, ok := v.(*frame)
	if !ok {
		return nil, fmt.Errorf("rpc: cannot send a %T", v)
	}
	return mem.BufferSlice{mem.SliceBuffer(f.data)}, nil
}

// Unmarshal implements [google.golang.org/grpc/encoding.CodecV2].
func (passThrough) Unmarshal(data mem.BufferSlice, v any) error {
	f, ok := v.(*frame)
	if !ok {
		return fmt.Errorf("rpc: cannot receive into a %T", v)
	}
	f.data, f.present = data.Materialize(), true
	return nil
}

// types finds the Go types of messages: linked types, or else dynamic ones.
// It is the resolver for JSON.
type types struct {
	files   *protoregistry.Files
	dynamic *dynamicpb.Types
}

func newTypes(files *protoregistry.Files) *types {
	return &types{files, dynamicpb.NewTypes(files)}
}

// service returns the descriptor of a service, or nil.
func (t *types) service(name string) protoreflect.ServiceDescriptor {
	d, err := t.files.FindDescriptorByName(protoreflect.FullName(name))
	if err != nil {
		return nil
	}
	service, _ := d.(protoreflect.ServiceDescriptor)
	return service
}

func (t *types) message(d protoreflect.MessageDescriptor) protoreflect.MessageType {
	if linked, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName()); err == nil {
		return linked
	}
	return dynamicpb.NewMessageType(d)
}

// FindMessageByName implements [protoregistry.MessageTypeResolver].
func (t *types) FindMessageByName(name protoreflect.FullName) (protoreflect.MessageType, error) {
	return either(name, protoregistry.GlobalTypes.FindMessageByName, t.dynamic.FindMessageByName)
}

// FindMessageByURL implements [protoregistry.MessageTypeResolver].
func (t *types) FindMessageByURL(url string) (protoreflect.MessageType, error) {
	return either(url, protoregistry.GlobalTypes.FindMessageByURL, t.dynamic.FindMessageByURL)
}

// FindExtensionByName implements [protoregistry.ExtensionTypeResolver].
func (t *types) FindExtensionByName(name protoreflect.FullName) (protoreflect.ExtensionType, error) {
	return either(name, protoregistry.GlobalTypes.FindExtensionByName, t.dynamic.FindExtensionByName)
}

// FindExtensionByNumber implements [protoregistry.ExtensionTypeResolver].
func (t *types) FindExtensionByNumber(message protoreflect.FullName, number protoreflect.FieldNumber) (protoreflect.ExtensionType, error) {
	if linked, err := protoregistry.GlobalTypes.FindExtensionByNumber(message, number); err == nil {
		return linked, nil
	}
	return t.dynamic.FindExtensionByNumber(message, number)
}

func either[K, V any](key K, linked, dynamic func(K) (V, error)) (V, error) {
	if v, err := linked(key); err == nil {
		return v, nil
	}
	return dynamic(key)
}

// fromJSON converts a request message to protobuf.
func (t *types) fromJSON(f *frame, message protoreflect.MessageType) error {
	if !f.present {
		return nil
	}
	if len(f.data) == 0 {
		return errors.New("an empty body is not a JSON object")
	}
	m := message.New().Interface()
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true, Resolver: t}).Unmarshal(f.data, m); err != nil {
		return err
	}
	var err error
	f.data, err = proto.Marshal(m)
	return err
}

// toJSON converts a response message from protobuf.
func (t *types) toJSON(f *frame, message protoreflect.MessageType) error {
	m := message.New().Interface()
	if err := (proto.UnmarshalOptions{Resolver: t}).Unmarshal(f.data, m); err != nil {
		return err
	}
	var err error
	f.data, err = protojson.MarshalOptions{Resolver: t}.Marshal(m)
	return err
}
