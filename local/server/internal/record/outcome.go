package record

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"connectrpc.com/connect/v2"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/anypb"
)

// outcome returns the code and the status of a response, if its protocol has them in
// a header or in a body that is one document.
func outcome(e *Exchange, header http.Header, whole bool) (codes.Code, *spb.Status) {
	if !whole {
		return codes.Unavailable, &spb.Status{Code: int32(codes.Unavailable), Message: "the answer broke off"}
	}
	for _, name := range []string{"Grpc-Status", http.TrailerPrefix + "Grpc-Status"} {
		if value := header[name]; len(value) > 0 {
			code, err := strconv.ParseUint(value[0], 10, 32)
			if err != nil {
				return codes.Unknown, nil
			}
			message := cmp.Or(header.Get("Grpc-Message"), header.Get(http.TrailerPrefix+"Grpc-Message"))
			return codes.Code(code), &spb.Status{Code: int32(code), Message: message}
		}
	}
	if e.StatusCode < http.StatusBadRequest {
		return codes.OK, nil
	}
	if s := ofREST(e.Answer.Data); s != nil {
		return codes.Code(s.GetCode()), s
	}
	if s := ofConnect(e.Answer.Data); s != nil {
		return codes.Code(s.GetCode()), s
	}
	return ofHTTP(e.StatusCode), nil
}

// ofREST decodes a google.rpc.Status. In a stream, it is the field "error".
func ofREST(data []byte) *spb.Status {
	var stream struct {
		Error json.RawMessage `json:"error"`
	}
	if json.Unmarshal(data, &stream) == nil && stream.Error != nil {
		data = stream.Error
	}
	s := &spb.Status{}
	if protojson.Unmarshal(data, s) != nil || s.GetCode() == 0 {
		return nil
	}
	return s
}

// ofConnect decodes an error of the Connect protocol.
func ofConnect(data []byte) *spb.Status {
	var document struct {
		Code    connect.Code `json:"code"`
		Message string       `json:"message"`
		Details []struct {
			Type  string `json:"type"`
			Value string `json:"value"`
		} `json:"details"`
	}
	if json.Unmarshal(data, &document) != nil || document.Code == 0 {
		return nil
	}
	s := &spb.Status{Code: int32(document.Code), Message: document.Message}
	for _, d := range document.Details {
		value, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(d.Value, "="))
		if err == nil {
			s.Details = append(s.Details, &anypb.Any{TypeUrl: "type.googleapis.com/" + d.Type, Value: value})
		}
	}
	return s
}

// ofHTTP returns the code for the status of an error that no service returned.
func ofHTTP(status int) codes.Code {
	switch status {
	case http.StatusBadRequest:
		return codes.InvalidArgument
	case http.StatusUnauthorized:
		return codes.Unauthenticated
	case http.StatusForbidden:
		return codes.PermissionDenied
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return codes.Unimplemented
	case http.StatusRequestEntityTooLarge, http.StatusTooManyRequests:
		return codes.ResourceExhausted
	case http.StatusBadGateway, http.StatusServiceUnavailable:
		return codes.Unavailable
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return codes.DeadlineExceeded
	default:
		return codes.Unknown
	}
}
