package record

import (
	"net/http"
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

// A route is a binding whose path has wildcards in place of variables. * is any text
// without a slash, but not the empty text; ** is any text.
type route struct{ verb, method, path string }

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
	return route{b.Verb, method, path}
}

// matches reports whether a path matches that of a route.
func matches(pattern, path string) bool {
	literal, rest, wild := strings.Cut(pattern, "*")
	path, ok := strings.CutPrefix(path, literal)
	if !ok || !wild {
		return ok && path == ""
	}
	shortest, longest := 1, strings.IndexByte(path+"/", '/')
	if after, double := strings.CutPrefix(rest, "*"); double {
		rest, shortest, longest = after, 0, len(path)
	}
	for n := shortest; n <= longest; n++ {
		if matches(rest, path[n:]) {
			return true
		}
	}
	return false
}

// route returns the method that a request probably calls. If several paths match, it
// is the one with the fewest wildcards.
func (r *Recorder) route(verb, path string) string {
	var best *route
	routes := r.routes()
	for i := range routes {
		candidate := &routes[i]
		if candidate.verb == verb && matches(candidate.path, path) && (best == nil || strings.Count(candidate.path, "*") < strings.Count(best.path, "*")) {
			best = candidate
		}
	}
	if best == nil {
		return ""
	}
	return best.method
}
