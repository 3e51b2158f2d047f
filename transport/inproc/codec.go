package inproc

import (
	"bytes"
	"fmt"
	"math"
	"reflect"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	grpcproto "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
)

// A codec converts messages to bytes and back. Messages cross the channel as
// bytes, so the two sides never share memory and may use different Go types
// for a message.
type codec interface {
	// marshal encodes m. It may leave the payload in s, which may be nil. The
	// payload is then borrowed.
	marshal(m any, s *scratch) (payload, error)
	unmarshal(p *payload, m any) error
}

// A format is the encoding of the messages of a call and its content type.
type format struct {
	codec       codec
	contentType string
}

// of returns the format for a content-subtype. For one that is not
// registered, the handler uses the default codec.
func (f *format) of(subtype string) *format {
	c := registeredCodec(subtype)
	if c == nil {
		c = f.codec
	}
	return &format{c, contentType(subtype)}
}

// A payload is an encoded message. Its last owner frees it, once.
type payload struct {
	data     []byte
	borrowed bool    // data may be reused and must not be kept
	pooled   *[]byte // the buffer that holds data and returns to the pool, or nil
}

// smallMessage is the largest size in bytes of messages that are copied
// rather than handed on. Larger buffers come from a pool.
const smallMessage = 1 << 10

// A scratch is the buffer in which a sender encodes successive small
// messages. The zero value is ready to use.
type scratch struct {
	buffer []byte
	large  bool // the last message was large
}

func (p *payload) len() int { return len(p.data) }

func (p *payload) free() {
	if p.pooled != nil {
		mem.DefaultBufferPool().Put(p.pooled)
	}
	*p = payload{}
}

// owned returns the bytes for a codec that may keep them.
func (p *payload) owned() []byte {
	if p.borrowed || p.pooled != nil {
		return bytes.Clone(p.data)
	}
	return p.data
}

// registeredCodec returns the codec for a content-subtype: the protobuf codec
// for an empty one, and nil for one that is not registered.
func registeredCodec(subtype string) codec {
	if subtype == "" {
		subtype = grpcproto.Name
	}
	if c := encoding.GetCodec(subtype); c != nil {
		return codecV1{c}
	}
	c := encoding.GetCodecV2(subtype)
	if c == nil {
		return nil
	}
	if isGRPCProto(c) {
		return &protobufCodec{}
	}
	return codecV2{c}
}

// isGRPCProto reports whether c is grpc-go's own protobuf codec.
func isGRPCProto(c encoding.CodecV2) bool {
	t := reflect.TypeOf(c)
	return t.Kind() == reflect.Pointer && t.Elem().PkgPath() == "google.golang.org/grpc/encoding/proto"
}

// protobufCodec does what grpc-go's protobuf codec does, but passes on plain
// bytes. The buffers around them cost two allocations per message, a large
// share for small messages.
type protobufCodec struct{}

func (*protobufCodec) marshal(m any, s *scratch) (payload, error) {
	message := messageOf(m)
	if message == nil {
		return payload{}, fmt.Errorf("proto: failed to marshal, message is %T, want proto.Message", m)
	}
	if s == nil || s.large {
		switch size := proto.Size(message); {
		case size > smallMessage:
			return marshalPooled(message, size)
		case s == nil:
			data, err := proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(make([]byte, 0, size), message)
			return payload{data: data}, err
		}
	}
	if s.buffer == nil {
		// Given nil, a message with its own Marshal method returns its own memory.
		s.buffer = make([]byte, 0, 64)
	}
	data, err := proto.MarshalOptions{}.MarshalAppend(s.buffer[:0], message)
	if err != nil {
		return payload{}, err
	}
	if s.large = len(data) > smallMessage; s.large {
		s.buffer = nil // data may be part of it and is handed on
		return payload{data: data}, nil
	}
	s.buffer = data
	return payload{data: data, borrowed: true}, nil
}

// marshalPooled encodes a message whose size has just been computed.
func marshalPooled(message proto.Message, size int) (payload, error) {
	p := payload{pooled: mem.DefaultBufferPool().Get(size)}
	data, err := proto.MarshalOptions{UseCachedSize: true}.MarshalAppend((*p.pooled)[:0], message)
	if err != nil {
		p.free()
		return payload{}, err
	}
	p.data = data
	return p, nil
}

func (*protobufCodec) unmarshal(p *payload, m any) error {
	message := messageOf(m)
	if message == nil {
		return fmt.Errorf("failed to unmarshal, message is %T, want proto.Message", m)
	}
	return proto.Unmarshal(p.data, message)
}

func messageOf(m any) proto.Message {
	switch m := m.(type) {
	case protoadapt.MessageV2:
		return m
	case protoadapt.MessageV1:
		return protoadapt.MessageV2Of(m)
	}
	return nil
}

// codecV2 adapts codecs that use mem.Buffers, codecV1 those that use byte
// slices. Both copy the encoded bytes, which may be part of the message.
type codecV2 struct {
	codec interface {
		Marshal(v any) (mem.BufferSlice, error)
		Unmarshal(data mem.BufferSlice, v any) error
	}
}

func (c codecV2) marshal(m any, _ *scratch) (payload, error) {
	buffers, err := c.codec.Marshal(m)
	if err != nil {
		return payload{}, err
	}
	defer buffers.Free()
	return payload{data: buffers.Materialize()}, nil
}

func (c codecV2) unmarshal(p *payload, m any) error {
	return c.codec.Unmarshal(mem.BufferSlice{mem.SliceBuffer(p.owned())}, m)
}

type codecV1 struct {
	codec interface {
		Marshal(v any) ([]byte, error)
		Unmarshal(data []byte, v any) error
	}
}

func (c codecV1) marshal(m any, _ *scratch) (payload, error) {
	data, err := c.codec.Marshal(m)
	return payload{data: bytes.Clone(data)}, err
}

func (c codecV1) unmarshal(p *payload, m any) error { return c.codec.Unmarshal(p.owned(), m) }

// encode returns m encoded. A nil m is an empty message, as when a handler
// returns (nil, nil).
func encode(c codec, m any, limit int, s *scratch) (payload, error) {
	if m == nil {
		return payload{}, nil
	}
	p, err := c.marshal(m, s)
	if err != nil {
		return payload{}, status.Errorf(codes.Internal, "grpc: error while marshaling: %v", err)
	}
	switch size := p.len(); {
	case uint64(size) > math.MaxUint32:
		err = status.Errorf(codes.ResourceExhausted, "grpc: message too large (%d bytes)", size)
	case size > limit:
		err = status.Errorf(codes.ResourceExhausted, "trying to send message larger than max (%d vs. %d)", size, limit)
	default:
		return p, nil
	}
	p.free()
	return payload{}, err
}

// decode fills m from p and frees p.
func decode(c codec, p *payload, m any, limit int) error {
	var err error
	if size := p.len(); size > limit {
		err = status.Errorf(codes.ResourceExhausted, "grpc: received message larger than max (%d vs. %d)", size, limit)
	} else if err = c.unmarshal(p, m); err != nil {
		err = status.Errorf(codes.Internal, "grpc: failed to unmarshal the received message: %v", err)
	}
	p.free()
	return err
}
