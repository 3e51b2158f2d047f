package service

import (
	"fmt"
	"net/http"
	"net/url"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// invalidUTF8 returns the path of a string field of m that is not valid
// UTF-8, which no protobuf codec can encode.
func invalidUTF8(m any) (field string, invalid bool) {
	message, ok := m.(proto.Message)
	if !ok {
		return "", false
	}
	return invalidString(message.ProtoReflect())
}

func invalidString(m protoreflect.Message) (field string, invalid bool) {
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.IsMap():
			v.Map().Range(func(key protoreflect.MapKey, v protoreflect.Value) bool {
				if fd.MapKey().Kind() == protoreflect.StringKind {
					invalid = !utf8.ValidString(key.String())
				}
				if !invalid {
					field, invalid = invalidValue(fd.MapValue(), v)
				}
				return !invalid
			})
		case fd.IsList():
			for list, i := v.List(), 0; i < list.Len() && !invalid; i++ {
				field, invalid = invalidValue(fd, list.Get(i))
			}
		default:
			field, invalid = invalidValue(fd, v)
		}
		if invalid {
			field = joinField(string(fd.Name()), field)
		}
		return !invalid
	})
	return field, invalid
}

func invalidValue(fd protoreflect.FieldDescriptor, v protoreflect.Value) (field string, invalid bool) {
	switch {
	case fd.Message() != nil:
		return invalidString(v.Message())
	case fd.Kind() == protoreflect.StringKind:
		return "", !utf8.ValidString(v.String())
	}
	return "", false
}

// joinField returns the path of the field inner within outer. An empty inner
// denotes outer itself.
func joinField(outer, inner string) string {
	if inner == "" {
		return outer
	}
	return outer + "." + inner
}

// invalidUTF8Error returns an error that says which part of r the invalid
// field came from. r may be nil.
func invalidUTF8Error(r *http.Request, field string) error {
	place := "body"
	switch {
	case r == nil:
		place = "request"
	case !utf8.ValidString(r.URL.Path):
		place = "path"
	case !validQuery(r.URL.RawQuery):
		place = "query"
	}
	return status.Error(codes.InvalidArgument, fmt.Sprintf("%s: %s is not valid UTF-8", place, field))
}

func validQuery(raw string) bool {
	values, _ := url.ParseQuery(raw) // contains the valid parameters even after an error
	for name, values := range values {
		if !utf8.ValidString(name) {
			return false
		}
		for _, v := range values {
			if !utf8.ValidString(v) {
				return false
			}
		}
	}
	return true
}
