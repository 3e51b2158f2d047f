package record

import (
	"net/http"
	"regexp"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// A Binding is a google.api.http rule, which maps HTTP requests to a method.
type Binding struct{ Verb, Path, Body string }

// Descriptor returns the descriptor of a method, or nil if it is not linked in.
func Descriptor(service, method string) protoreflect.MethodDescriptor {
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service))
	if err != nil {
		return nil
	}
	s, ok := d.(protoreflect.ServiceDescriptor)
	if !ok {
		return nil
	}
	return s.Methods().ByName(protoreflect.Name(method))
}

// Bindings returns the rules of a method in order.
func Bindings(d protoreflect.MethodDescriptor) []Binding {
	rule, ok := proto.GetExtension(d.Options(), annotations.E_Http).(*annotations.HttpRule)
	if !ok || rule == nil {
		return nil
	}
	var all []Binding
	for _, r := range append([]*annotations.HttpRule{rule}, rule.GetAdditionalBindings()...) {
		b := Binding{Body: r.GetBody()}
		switch pattern := r.GetPattern().(type) {
		case *annotations.HttpRule_Get:
			b.Verb, b.Path = http.MethodGet, pattern.Get
		case *annotations.HttpRule_Put:
			b.Verb, b.Path = http.MethodPut, pattern.Put
		case *annotations.HttpRule_Post:
			b.Verb, b.Path = http.MethodPost, pattern.Post
		case *annotations.HttpRule_Delete:
			b.Verb, b.Path = http.MethodDelete, pattern.Delete
		case *annotations.HttpRule_Patch:
			b.Verb, b.Path = http.MethodPatch, pattern.Patch
		case *annotations.HttpRule_Custom:
			b.Verb, b.Path = pattern.Custom.GetKind(), pattern.Custom.GetPath()
		default:
			continue
		}
		all = append(all, b)
	}
	return all
}

// A Variable is a variable of a path template: {Name=Pattern}, or {Name}, which
// matches one segment. Text is its text in the template.
type Variable struct{ Text, Name, Pattern string }

// Variables returns the variables of the path in order.
func (b Binding) Variables() []Variable {
	var all []Variable
	rest := b.Path
	for {
		_, after, opened := strings.Cut(rest, "{")
		inside, after, closed := strings.Cut(after, "}")
		if !opened || !closed {
			return all
		}
		name, pattern, found := strings.Cut(inside, "=")
		if !found {
			pattern = "*"
		}
		all = append(all, Variable{"{" + inside + "}", name, pattern})
		rest = after
	}
}

// A route is a binding that can be matched against paths.
type route struct {
	verb, method string
	path         *regexp.Regexp
	wildcards    int
}

// routes returns the routes of all methods of services.
func routes(services map[string]grpc.ServiceInfo) []route {
	var all []route
	for service, info := range services {
		for _, m := range info.Methods {
			d := Descriptor(service, m.Name)
			if d == nil {
				continue
			}
			for _, b := range Bindings(d) {
				all = append(all, newRoute(b, "/"+service+"/"+m.Name))
			}
		}
	}
	return all
}

func newRoute(b Binding, method string) route {
	path := b.Path
	for _, v := range b.Variables() {
		path = strings.Replace(path, v.Text, v.Pattern, 1)
	}
	r := route{verb: b.Verb, method: method, wildcards: strings.Count(path, "*")}
	path = regexp.QuoteMeta(path)
	path = strings.ReplaceAll(path, `\*\*`, ".*")
	path = strings.ReplaceAll(path, `\*`, "[^/]+")
	r.path = regexp.MustCompile("^" + path + "$")
	return r
}

// route returns the method that a request probably calls. If several paths match, it
// is the one with the fewest wildcards.
func (r *Recorder) route(verb, path string) string {
	var best *route
	for i := range r.routes {
		candidate := &r.routes[i]
		if candidate.verb == verb && candidate.path.MatchString(path) && (best == nil || candidate.wildcards < best.wildcards) {
			best = candidate
		}
	}
	if best == nil {
		return ""
	}
	return best.method
}
