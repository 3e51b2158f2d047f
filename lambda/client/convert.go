package client

import (
	"bytes"
	"context"
	"io"
	"strings"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectproto"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
)

// messageOf returns m as a message of the current protobuf API.
func messageOf(m any) (proto.Message, error) {
	switch m := m.(type) {
	case protoadapt.MessageV2:
		return m, nil
	case protoadapt.MessageV1:
		return protoadapt.MessageV2Of(m), nil
	}
	return nil, status.Errorf(codes.Internal, "client: a message is %T, want proto.Message", m)
}

// codec is a connect.Codec that can also leave a message encoded, in a rawMessage.
type codec struct{ connect.Codec }

// A rawMessage is an encoded message that was received before its type was known.
type rawMessage struct {
	data    []byte
	present bool // false if the message is empty and was not encoded
}

// UnmarshalRead implements [connect.Codec].
func (c codec) UnmarshalRead(ctx context.Context, src io.Reader, msg any) error {
	raw, ok := msg.(*rawMessage)
	if !ok {
		return c.Codec.UnmarshalRead(ctx, src, msg)
	}
	var err error
	raw.data, err = io.ReadAll(src)
	raw.present = true
	return err
}

// decode decodes a rawMessage.
func (c codec) decode(raw *rawMessage, m proto.Message) error {
	if !raw.present {
		return nil
	}
	if err := c.Codec.UnmarshalRead(context.Background(), bytes.NewReader(raw.data), m); err != nil {
		return status.Errorf(codes.Internal, "client: a response message cannot be decoded: %v", err)
	}
	return nil
}

// statusFrom returns the gRPC status of e.
func statusFrom(e *connect.Error) *status.Status {
	s := &spb.Status{Code: int32(e.Code()), Message: e.Message()}
	for _, detail := range e.Details() {
		s.Details = append(s.Details, connectproto.ErrorDetailToAny(detail))
	}
	return status.FromProto(s)
}

const binarySuffix = "-bin"

// setMetadata sets the request's header from the metadata of the call's context
// and credentials.
func (c *call) setMetadata() error {
	md, _ := metadata.FromOutgoingContext(c.ctx) // a copy, with keys in lower case
	if c.credentials != nil {
		own, err := c.credentialsMetadata()
		if err != nil {
			return err
		}
		md = metadata.Join(md, own)
	}
	header := c.info.RequestHeader()
	for key, values := range md {
		if reserved(key) {
			continue
		}
		for _, value := range values {
			if strings.HasSuffix(key, binarySuffix) {
				value = connect.EncodeBinaryHeader([]byte(value))
			} else if !printable(value) {
				return status.Errorf(codes.Internal, "header key %q contains value with non-printable ASCII characters", key)
			}
			if !validKey(key) {
				return status.Errorf(codes.Internal, "header key %q contains illegal characters not in [0-9a-z-_.]", key)
			}
			header.Add(key, value)
		}
	}
	return nil
}

// reserved reports whether HTTP, gRPC or Connect uses key itself. As in grpc-go,
// callers cannot set such a key and do not see it in responses.
func reserved(key string) bool {
	switch key {
	case "accept-encoding", "connection", "content-encoding", "content-length", "content-type", "host", "keep-alive",
		"te", "trailer", "transfer-encoding", "upgrade", "user-agent", "x-user-agent":
		return true
	}
	return strings.HasPrefix(key, ":") || strings.HasPrefix(key, "grpc-") || strings.HasPrefix(key, "connect-")
}

func validKey(key string) bool {
	return key != "" && strings.Trim(key, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == ""
}

func printable(value string) bool {
	for i := range len(value) {
		if value[i] < ' ' || value[i] > '~' {
			return false
		}
	}
	return true
}

// credentialsMetadata returns the metadata of the call's credentials.
func (c *call) credentialsMetadata() (metadata.MD, error) {
	secure := c.conn.base.Scheme == "https"
	if c.credentials.RequireTransportSecurity() && !secure {
		return nil, status.Error(codes.Unauthenticated, "client: cannot send secure credentials to an http URL")
	}
	var info credentials.AuthInfo
	if secure {
		info = credentials.TLSInfo{CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}}
	}
	ctx := credentials.NewContextWithRequestInfo(c.ctx, credentials.RequestInfo{Method: c.method, AuthInfo: info})
	service := c.method[:max(strings.LastIndexByte(c.method, '/'), 0)]
	pairs, err := c.credentials.GetRequestMetadata(ctx, "https://"+c.conn.base.Host+service)
	if err != nil {
		if _, ok := status.FromError(err); ok {
			return nil, err
		}
		return nil, status.Errorf(codes.Unauthenticated, "client: credentials: %v", err)
	}
	return metadata.New(pairs), nil
}

// metadataOf returns a response's header or trailer as metadata.
func metadataOf(header *connect.Header) metadata.MD {
	md := metadata.MD{}
	for name, values := range header.All() {
		key := strings.ToLower(name)
		if reserved(key) {
			continue
		}
		for _, value := range values {
			if !strings.HasSuffix(key, binarySuffix) {
				md.Append(key, value)
				continue
			}
			for encoded := range strings.SplitSeq(value, ",") {
				if data, err := connect.DecodeBinaryHeader(strings.TrimSpace(encoded)); err == nil {
					md.Append(key, string(data))
				}
			}
		}
	}
	return md
}

// peerAddr is the host of the target's URL as a [net.Addr].
type peerAddr string

// Network implements [net.Addr].
func (peerAddr) Network() string { return "http" }

// String implements [net.Addr].
func (a peerAddr) String() string { return string(a) }
