package main

import (
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"
)

const packageName = "connectrpc.conformance.v1."

// resolver finds descriptors in files, and those of protobuf's own types
// among the linked ones.
type resolver struct{ files *protoregistry.Files }

func (r resolver) FindFileByPath(path string) (protoreflect.FileDescriptor, error) {
	if f, err := r.files.FindFileByPath(path); err == nil {
		return f, nil
	}
	return protoregistry.GlobalFiles.FindFileByPath(path)
}

func (r resolver) FindDescriptorByName(name protoreflect.FullName) (protoreflect.Descriptor, error) {
	if d, err := r.files.FindDescriptorByName(name); err == nil {
		return d, nil
	}
	return protoregistry.GlobalFiles.FindDescriptorByName(name)
}

// A message is one of the suite's messages, whose Go types are not exported.
// Its methods panic if the descriptor lacks a name or has another kind.
type message struct{ protoreflect.Message }

func newMessage(files *protoregistry.Files, name protoreflect.Name) message {
	d, err := files.FindDescriptorByName(packageName + protoreflect.FullName(name))
	if err != nil {
		panic(err) // the suite's messages have changed
	}
	return message{dynamicpb.NewMessage(d.(protoreflect.MessageDescriptor))}
}

func (m message) field(name protoreflect.Name) protoreflect.FieldDescriptor {
	return m.Descriptor().Fields().ByName(name)
}

func (m message) has(name protoreflect.Name) bool { return m.Has(m.field(name)) }

func (m message) get(name protoreflect.Name) protoreflect.Value { return m.Get(m.field(name)) }

func (m message) child(name protoreflect.Name) message { return message{m.get(name).Message()} }

// mutable returns the message in a field, and creates it if there is none.
func (m message) mutable(name protoreflect.Name) message {
	return message{m.Mutable(m.field(name)).Message()}
}

func (m message) setString(name protoreflect.Name, v string) {
	m.Set(m.field(name), protoreflect.ValueOfString(v))
}

func (m message) setUint32(name protoreflect.Name, v uint32) {
	m.Set(m.field(name), protoreflect.ValueOfUint32(v))
}

func (m message) setInt64(name protoreflect.Name, v int64) {
	m.Set(m.field(name), protoreflect.ValueOfInt64(v))
}

func (m message) setBytes(name protoreflect.Name, v []byte) {
	m.Set(m.field(name), protoreflect.ValueOfBytes(v))
}

// appendTo adds a new message to a list and returns it.
func (m message) appendTo(name protoreflect.Name) message {
	return message{m.Mutable(m.field(name)).List().AppendMutable().Message()}
}

// messages returns the messages in a list.
func (m message) messages(name protoreflect.Name) []message {
	list := m.get(name).List()
	all := make([]message, list.Len())
	for i := range all {
		all[i] = message{list.Get(i).Message()}
	}
	return all
}
