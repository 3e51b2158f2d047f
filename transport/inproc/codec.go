package inproc

import (
	"math"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
)

// A codec turns messages into bytes and back. Messages cross the channel as
// bytes, so that neither side ever holds what the other may change, and so
// that both may use Go types of their own for one message.
type codec interface {
	Marshal(v any) (mem.BufferSlice, error)
	Unmarshal(data mem.BufferSlice, v any) error
}

// registeredCodec returns the codec for a content-subtype, the protobuf codec
// for an empty one, and nil for one that is not registered.
func registeredCodec(subtype string) codec {
	if subtype == "" {
		subtype = proto.Name
	}
	if c := encoding.GetCodec(subtype); c != nil {
		return codecV1{c}
	}
	if c := encoding.GetCodecV2(subtype); c != nil {
		return c
	}
	return nil
}

// codecV1 adapts the codecs that know byte slices only.
type codecV1 struct {
	codec interface {
		Marshal(v any) ([]byte, error)
		Unmarshal(data []byte, v any) error
	}
}

func (c codecV1) Marshal(v any) (mem.BufferSlice, error) {
	data, err := c.codec.Marshal(v)
	if err != nil {
		return nil, err
	}
	return mem.BufferSlice{mem.SliceBuffer(data)}, nil
}

func (c codecV1) Unmarshal(data mem.BufferSlice, v any) error {
	return c.codec.Unmarshal(data.Materialize(), v)
}

// encode returns the bytes of m, which are the caller's to free. A nil m is an
// empty message, as a handler that returns (nil, nil) means it.
func encode(c codec, m any, limit int) (mem.BufferSlice, error) {
	if m == nil {
		return nil, nil
	}
	data, err := c.Marshal(m)
	if err != nil {
		return nil, status.Errorf(codes.Internal, "grpc: error while marshaling: %v", err)
	}
	switch size := data.Len(); {
	case uint64(size) > math.MaxUint32:
		data.Free()
		return nil, status.Errorf(codes.ResourceExhausted, "grpc: message too large (%d bytes)", size)
	case size > limit:
		data.Free()
		return nil, status.Errorf(codes.ResourceExhausted, "trying to send message larger than max (%d vs. %d)", size, limit)
	}
	return data, nil
}

// decode fills m from data and frees data.
func decode(c codec, data mem.BufferSlice, m any, limit int) error {
	defer data.Free()
	if size := data.Len(); size > limit {
		return status.Errorf(codes.ResourceExhausted, "grpc: received message larger than max (%d vs. %d)", size, limit)
	}
	if err := c.Unmarshal(data, m); err != nil {
		return status.Errorf(codes.Internal, "grpc: failed to unmarshal the received message: %v", err)
	}
	return nil
}
