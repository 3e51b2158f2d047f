package service

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// JSON configures how the gateway reads and writes JSON. The zero value is
// the default. It behaves as grpc-gateway's default, except that it refuses
// two kinds of requests with 400. One names an enum value that does not
// exist, which grpc-gateway would read as the field's zero value. The other
// has data after the JSON value, which grpc-gateway would ignore. Unknown
// numbers of enum values are passed on, as in proto3's binary form.
type JSON struct {
	// RefuseUnknownFields refuses a body with a field that the message does
	// not have. By default the field is ignored, so that clients may be newer
	// than the server. A PATCH whose field mask is derived from the body
	// always refuses it.
	RefuseUnknownFields bool

	// RefuseUnknownParameters refuses a query parameter that does not name a
	// field of the request message. By default it is ignored, since proxies
	// and browsers add parameters.
	RefuseUnknownParameters bool

	// OmitUnpopulated omits the fields that are not set. By default they are
	// written with their zero values, and messages as null.
	OmitUnpopulated bool

	// UseEnumNumbers writes enum values as numbers. By default names are
	// written.
	UseEnumNumbers bool

	// UseProtoNames writes field names as in the .proto file. By default they
	// are written in lowerCamelCase. Both forms are accepted in requests.
	UseProtoNames bool
}

// WithJSON sets how the gateway reads and writes JSON. It has no effect on
// media types for which [WithMuxOptions] sets a marshaler.
func WithJSON(j JSON) Option { return func(c *config) { c.json = j } }

func (j JSON) marshaler() *jsonMarshaler {
	return &jsonMarshaler{
		JSONPb: runtime.JSONPb{
			MarshalOptions: protojson.MarshalOptions{
				EmitUnpopulated: !j.OmitUnpopulated,
				UseEnumNumbers:  j.UseEnumNumbers,
				UseProtoNames:   j.UseProtoNames,
			},
		},
		refuseUnknown: j.RefuseUnknownFields,
	}
}

// jsonMarshaler is a runtime.JSONPb with the differences that JSON documents.
type jsonMarshaler struct {
	runtime.JSONPb // its UnmarshalOptions refuse unknown fields and values
	refuseUnknown  bool
}

// NewDecoder implements runtime.Marshaler. If r is the body of a request, the
// request's call is given the decoder, to check for data after the value.
func (m *jsonMarshaler) NewDecoder(r io.Reader) runtime.Decoder {
	d := &jsonDecoder{marshaler: m, json: json.NewDecoder(r)}
	switch r := r.(type) {
	case *requestBody:
		d.call = r.call
	case *bytes.Reader: // a copy that generated code makes to read the body twice
		d.whole = r
	}
	return d
}

type jsonDecoder struct {
	marshaler *jsonMarshaler
	json      *json.Decoder
	call      *call         // nil if not known
	whole     *bytes.Reader // nil if there may be several values
}

// Decode implements runtime.Decoder.
func (d *jsonDecoder) Decode(v any) error {
	err := d.decode(v)
	if err == nil || err == io.EOF { //nolint:errorlint // json.Decoder returns it as it is
		return err
	}
	err = fmt.Errorf("body: %w", err)
	if d.call != nil && d.call.clientStream {
		// Generated code only logs the error of a message in a stream, and
		// treats it as the end of a bidirectional stream.
		d.call.decodeErr = status.Error(codes.InvalidArgument, err.Error())
		return io.EOF
	}
	return err
}

func (d *jsonDecoder) decode(v any) error {
	var raw json.RawMessage
	if err := d.json.Decode(&raw); err != nil {
		return err
	}
	if d.call != nil {
		d.call.decoder = d.json
	}
	if d.whole != nil {
		rest, _ := io.ReadAll(io.MultiReader(d.json.Buffered(), d.whole))
		if !isSpace(rest) {
			return errors.New("unexpected data after the JSON value")
		}
	}
	return d.marshaler.Unmarshal(raw, v)
}

// Unmarshal implements runtime.Marshaler.
func (m *jsonMarshaler) Unmarshal(data []byte, v any) error {
	target, isMessage := v.(proto.Message)
	if !isMessage {
		if err := checkStrings(data); err != nil {
			return err
		}
		return m.unmarshalField(data, v)
	}
	err := m.UnmarshalOptions.Unmarshal(data, target)
	if err == nil {
		return nil
	}
	if invalid := checkStrings(data); invalid != nil {
		return invalid // the clearer error
	}
	if m.refuseUnknown {
		return err
	}
	// Either a field or value is unknown, or the data is invalid.
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(data, target); err != nil {
		return err
	}
	return checkEnums(data, target.ProtoReflect().Descriptor())
}

// unmarshalField reads a body that is one field of a message. v points to a
// pointer to a message, a slice, a map or a scalar.
func (m *jsonMarshaler) unmarshalField(data []byte, v any) error {
	field := reflect.ValueOf(v).Elem()
	if newMessage(field.Type()) != nil {
		field.Set(reflect.ValueOf(newMessage(field.Type())))
		return m.Unmarshal(data, field.Interface())
	}
	if field.Kind() != reflect.Slice || newMessage(field.Type().Elem()) == nil {
		return m.JSONPb.Unmarshal(data, v)
	}
	var elements []json.RawMessage
	if err := json.Unmarshal(data, &elements); err != nil {
		return err
	}
	for i, e := range elements {
		message := newMessage(field.Type().Elem())
		if err := m.Unmarshal(e, message); err != nil {
			return within(fmt.Sprintf("[%d]", i), err)
		}
		field.Set(reflect.Append(field, reflect.ValueOf(message)))
	}
	return nil
}

// newMessage returns a new message for a field of type t, or nil if t is not
// a message type.
func newMessage(t reflect.Type) proto.Message {
	if t.Kind() != reflect.Pointer {
		return nil
	}
	message, _ := reflect.TypeAssert[proto.Message](reflect.New(t.Elem()))
	return message
}

// checkStrings returns an error for invalid UTF-8 and unpaired surrogates,
// which protojson refuses but encoding/json replaces.
func checkStrings(data []byte) error {
	if !utf8.Valid(data) {
		return errors.New("invalid UTF-8")
	}
	for {
		i := bytes.IndexByte(data, '\\')
		if i < 0 {
			return nil
		}
		escape := data[i:]
		r := escapedRune(escape)
		if r < 0 {
			data = escape[min(2, len(escape)):]
			continue
		}
		data = escape[6:]
		if utf16.IsSurrogate(r) {
			if utf16.DecodeRune(r, escapedRune(data)) == utf8.RuneError {
				return fmt.Errorf("invalid escape code %q in string", escape[:6])
			}
			data = data[6:]
		}
	}
}

// escapedRune returns the code of the \uXXXX escape at the start of data, or
// -1.
func escapedRune(data []byte) rune {
	if len(data) < 6 || data[0] != '\\' || data[1] != 'u' {
		return -1
	}
	code, err := strconv.ParseUint(string(data[2:6]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(code)
}

// unknownParameter returns an error for a query parameter that names no field
// of message.
func unknownParameter(r *http.Request, message any) error {
	m, ok := message.(proto.Message)
	if !ok || r == nil || r.URL.RawQuery == "" {
		return nil
	}
	for name := range r.URL.Query() {
		if !hasField(m.ProtoReflect().Descriptor(), name) {
			return status.Error(codes.InvalidArgument, fmt.Sprintf("query: unknown parameter %.100q", name))
		}
	}
	return nil
}

// hasField reports whether path, such as "a.b" or "a.b[key]", names a field
// of message or of a message within it.
func hasField(message protoreflect.MessageDescriptor, path string) bool {
	if i := strings.IndexByte(path, '['); i >= 0 && strings.HasSuffix(path, "]") {
		path = path[:i]
	}
	for name := range strings.SplitSeq(path, ".") {
		if message == nil {
			return false
		}
		field := fieldByName(message, name)
		if field == nil {
			return false
		}
		message = field.Message()
	}
	return true
}

// fieldByName returns the field of message with the given name, in JSON or in
// the .proto file, or nil.
func fieldByName(message protoreflect.MessageDescriptor, name string) protoreflect.FieldDescriptor {
	if f := message.Fields().ByJSONName(name); f != nil {
		return f
	}
	return message.Fields().ByTextName(name)
}
