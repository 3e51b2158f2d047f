package page

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/lambda-grpc/lambda-grpc-gateway/local/server/internal/record"
)

// A boundService is a service with the methods that the page shows.
type boundService struct {
	Name    string
	Methods []method
}

type method struct {
	Name          string
	Path          string // "/package.Service/Method"
	Kind          string
	Input, Output string // message types; empty if the descriptor is not linked in
	Bindings      []record.Binding
	Commands      []command
	Sample        string // a request in JSON, on several lines
	ServerStreams bool
}

// A command calls a method from a shell.
type command struct{ Name, Text string }

func (p *page) showMethods(w http.ResponseWriter, _ *http.Request) {
	p.render(w, http.StatusOK, "methods", "Methods", struct {
		Services []boundService
		RPC      bool
		CallPath string
		Viewer   bool
	}{p.services(), p.RPC, callPath + p.Prefix, len(p.documents) > 0})
}

// boundServices returns the services sorted by name.
func (p *page) boundServices() []boundService {
	var all []boundService
	for _, name := range slices.Sorted(maps.Keys(p.Services)) {
		s := boundService{Name: name}
		for _, info := range p.Services[name].Methods {
			s.Methods = append(s.Methods, p.method(name, info))
		}
		slices.SortFunc(s.Methods, func(a, b method) int { return strings.Compare(a.Name, b.Name) })
		all = append(all, s)
	}
	return all
}

func (p *page) method(serviceName string, info grpc.MethodInfo) method {
	m := method{
		Name: info.Name, Path: "/" + serviceName + "/" + info.Name, Kind: "unary",
		Sample: "{}", ServerStreams: info.IsServerStream,
	}
	switch {
	case info.IsClientStream && info.IsServerStream:
		m.Kind = "bidirectional stream"
	case info.IsClientStream:
		m.Kind = "client stream"
	case info.IsServerStream:
		m.Kind = "server stream"
	}
	if d := record.Descriptor(serviceName, info.Name); d != nil {
		m.Input, m.Output = string(d.Input().FullName()), string(d.Output().FullName())
		m.Bindings = record.Bindings(d)
		m.Sample = sample(d.Input(), m.Bindings)
	}
	m.Commands = p.commands(m, info)
	return m
}

// sample returns a message in JSON with every field. A text field is "1" if it is a
// path variable, which must not be empty.
func sample(d protoreflect.MessageDescriptor, rules []record.Binding) string {
	m := dynamicpb.NewMessage(d)
	for _, rule := range rules {
		for _, variable := range rule.Variables() {
			field := d.Fields().ByName(protoreflect.Name(variable.Name))
			if field != nil && field.Kind() == protoreflect.StringKind && !field.IsList() {
				m.Set(field, protoreflect.ValueOfString("1"))
			}
		}
	}
	return indent(protojson.MarshalOptions{EmitUnpopulated: true}.Format(m))
}
