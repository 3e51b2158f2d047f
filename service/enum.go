package service

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// maxAnyDepth bounds the nesting of messages in google.protobuf.Any, each of
// which is read once more.
const maxAnyDepth = 8

// An enumError reports a name that an enum does not have.
type enumError struct {
	path string // of the field
	name string
	enum protoreflect.EnumDescriptor
}

func (e *enumError) Error() string {
	const most = 20
	var names []string
	for i := range min(e.enum.Values().Len(), most) {
		names = append(names, string(e.enum.Values().Get(i).Name()))
	}
	if e.enum.Values().Len() > most {
		names = append(names, "...")
	}
	return fmt.Sprintf("%s: unknown value %.100q, want one of %s", e.path, e.name, strings.Join(names, ", "))
}

// within puts a field before the path of an *enumError.
func within(field string, err error) error {
	if e, ok := err.(*enumError); ok { //nolint:errorlint // it is never wrapped
		e.path = joinField(field, e.path)
	}
	return err
}

// checkEnums returns an error if data, a message in JSON, names an enum value
// that does not exist. The data must be valid apart from fields and values
// that the message does not know, all of which protojson can only ignore
// together.
func checkEnums(data []byte, message protoreflect.MessageDescriptor) error {
	return checkEnumsWithin(data, message, 0)
}

func checkEnumsWithin(data []byte, message protoreflect.MessageDescriptor, anyDepth int) error {
	w := enumWalk{json.NewDecoder(bytes.NewReader(data)), anyDepth}
	w.json.UseNumber()
	return w.message(message)
}

// An enumWalk reads a message token by token, in time linear in its size
// however deep it is nested.
type enumWalk struct {
	json     *json.Decoder
	anyDepth int
}

func (w enumWalk) message(m protoreflect.MessageDescriptor) error {
	if m.FullName() == "google.protobuf.Any" {
		return w.any()
	}
	if m.ParentFile().Package() == "google.protobuf" {
		return w.skip() // has a special form in JSON, without enums
	}
	return w.object(func(key string) error {
		field := fieldByName(m, key)
		switch {
		case field == nil:
			return w.skip()
		case field.IsMap():
			return within(key, w.object(func(string) error { return w.value(field.MapValue()) }))
		case field.IsList():
			return within(key, w.array(func() error { return w.value(field) }))
		}
		return within(key, w.value(field))
	})
}

func (w enumWalk) value(field protoreflect.FieldDescriptor) error {
	switch enum := field.Enum(); {
	case field.Message() != nil:
		return w.message(field.Message())
	case enum == nil || enum.FullName() == "google.protobuf.NullValue":
		return w.skip()
	default:
		token, err := w.json.Token()
		if err != nil {
			return err
		}
		if name, ok := token.(string); ok && enum.Values().ByName(protoreflect.Name(name)) == nil {
			return &enumError{name: name, enum: enum}
		}
		return nil
	}
}

// any checks a google.protobuf.Any, whose type may follow its fields.
func (w enumWalk) any() error {
	var raw json.RawMessage
	if err := w.json.Decode(&raw); err != nil {
		return err
	}
	var typed struct {
		URL string `json:"@type"`
	}
	if json.Unmarshal(raw, &typed) != nil || typed.URL == "" {
		return nil
	}
	if w.anyDepth == maxAnyDepth {
		return fmt.Errorf("google.protobuf.Any within %d others", maxAnyDepth)
	}
	t, err := protoregistry.GlobalTypes.FindMessageByURL(typed.URL)
	if err != nil {
		return err
	}
	return checkEnumsWithin(raw, t.Descriptor(), w.anyDepth+1)
}

// object calls element with each key of an object. It ignores other values.
func (w enumWalk) object(element func(key string) error) error {
	return w.elements('{', func() error {
		key, err := w.json.Token()
		if err != nil {
			return err
		}
		name, _ := key.(string)
		return element(name)
	})
}

func (w enumWalk) array(element func() error) error { return w.elements('[', element) }

func (w enumWalk) elements(open json.Delim, element func() error) error {
	token, err := w.json.Token()
	if err != nil {
		return err
	}
	if token != open {
		return nil // null: anything else is not valid
	}
	for w.json.More() {
		if err := element(); err != nil {
			return err
		}
	}
	_, err = w.json.Token()
	return err
}

// skip reads one value.
func (w enumWalk) skip() error {
	for depth := 0; ; {
		token, err := w.json.Token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}
