package event_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
)

// captured returns the captured event of a kind as a map.
func captured(t testing.TB, kind string) map[string]any {
	t.Helper()
	text, err := os.ReadFile("testdata/" + kind + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var e map[string]any
	if err := json.Unmarshal(text, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

// servedAs returns the source as which an event is served, or "" if it is refused.
func servedAs(t testing.TB, e any) event.Source {
	t.Helper()
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var source event.Source
	h := event.NewHandler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		info, _ := event.FromContext(r.Context())
		source = info.Source
	}))
	if _, err := h.Invoke(t.Context(), text); err != nil {
		var unsupported *event.UnsupportedEventError
		if !errors.As(err, &unsupported) || !strings.Contains(err.Error(), "its keys are") && len(text) > len(`{}`) {
			t.Errorf("the error is %v", err)
		}
	}
	return source
}

func sourceOf(kind string) event.Source { return event.Source(strings.TrimSuffix(kind, "-multi")) }

// TestMarks removes the fields by which each source is detected, in every way. The
// event must then not be served as that of another source.
func TestMarks(t *testing.T) {
	marks := map[string][][]string{ // each list is removed together
		"rest-api":       {{"requestContext"}, {"requestContext.resourceId"}, {"requestContext.resourceId", "resource"}, {"httpMethod"}, {"requestContext.apiId", "requestContext.stage"}},
		"http-api":       {{"requestContext"}, {"requestContext.http"}, {"requestContext.http.method"}},
		"http-api-v1":    {{"requestContext"}, {"version"}, {"version", "requestContext.resourceId"}, {"httpMethod"}, {"requestContext.apiId", "requestContext.stage"}},
		"alb":            {{"requestContext"}, {"requestContext.elb"}, {"httpMethod"}},
		"alb-multi":      {{"requestContext"}, {"requestContext.elb"}, {"httpMethod"}},
		"vpc-lattice":    {{"requestContext"}, {"requestContext.serviceArn", "requestContext.serviceNetworkArn"}, {"version"}, {"method"}},
		"vpc-lattice-v1": {{"raw_path"}, {"method"}},
		"function-url":   {{"requestContext"}, {"requestContext.http"}, {"requestContext.domainName"}, {"requestContext.domainName", "requestContext.domainPrefix"}},
	}
	each(t, func(t *testing.T, kind string) {
		if got := servedAs(t, captured(t, kind)); got != sourceOf(kind) {
			t.Fatalf("the whole event is served as %q", got)
		}
		for _, paths := range marks[kind] {
			for name, replace := range map[string]func(map[string]any, string){
				"absent": func(m map[string]any, key string) { delete(m, key) },
				"null":   func(m map[string]any, key string) { m[key] = nil },
			} {
				e := captured(t, kind)
				for _, path := range paths {
					m, key := inside(e, path)
					replace(m, key)
				}
				if got := servedAs(t, e); got != "" {
					t.Errorf("with %v %s it is served as %q", paths, name, got)
				}
			}
		}
	})
}

// inside returns the object that has the last key of a path.
func inside(e map[string]any, path string) (map[string]any, string) {
	keys := strings.Split(path, ".")
	for _, key := range keys[:len(keys)-1] {
		e = e[key].(map[string]any)
	}
	return e, keys[len(keys)-1]
}

// TestSubsetOfAnEvent_SameSourceOrRefused removes members of the captured events
// at random. The rest must be served as the same source or refused. The test keeps
// the last field that distinguishes payloads of one version, since handwritten
// events without it are served too.
func TestSubsetOfAnEvent_SameSourceOrRefused(t *testing.T) {
	each(t, func(t *testing.T, kind string) {
		random := rand.New(rand.NewPCG(1, 2))
		for range 1_000 {
			e := captured(t, kind)
			removed := thin(random, e, []string{"requestContext", "http", "elb"})
			if context, ok := e["requestContext"].(map[string]any); ok && kind == "http-api-v1" {
				context["resourcePath"] = "/{proxy+}"
			} else if ok && kind == "function-url" {
				context["apiId"] = "abcdefghijklmnopqrstuvwxyz012345"
			}
			if got := servedAs(t, e); got != "" && got != sourceOf(kind) {
				t.Fatalf("without %v it is served as %q", removed, got)
			}
		}
	})
}

// thin removes members of an object at random, and of the objects among them
// that are named.
func thin(random *rand.Rand, object map[string]any, into []string) (removed []string) {
	often := random.IntN(6) + 2
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if random.IntN(often) == 0 {
			delete(object, key)
			removed = append(removed, key)
			continue
		}
		if inner, ok := object[key].(map[string]any); ok && slices.Contains(into, key) {
			for _, name := range thin(random, inner, into) {
				removed = append(removed, key+"."+name)
			}
		}
	}
	return removed
}

// TestForeignEvents adds a method and a path to events that are not HTTP, since
// such events may have these fields too.
func TestForeignEvents(t *testing.T) {
	for name, text := range map[string]string{
		"an agent of Bedrock": agentEvent,
		"a queue":             `{"Records":[{"eventSource":"aws:sqs","body":"x"}]}`,
		"a schedule":          `{"version":"0","source":"aws.events","detail":{}}`,
		"AppSync":             `{"arguments":{},"identity":null,"source":null,"request":{"headers":{}},"info":{"fieldName":"f"}}`,
		"a direct call":       `{"body":{"a":1},"method":"GET"}`,
	} {
		for _, extra := range []string{"", "httpMethod", "httpMethod,path", "httpMethod,path,headers", "rawPath"} {
			var e map[string]any
			if err := json.Unmarshal([]byte(text), &e); err != nil {
				t.Fatal(err)
			}
			for key := range strings.SplitSeq(extra, ",") {
				switch key {
				case "":
				case "headers":
					e[key] = map[string]any{}
				default:
					e[key] = "/"
				}
			}
			if got := servedAs(t, e); got != "" {
				t.Errorf("%s with %q is served as %q", name, extra, got)
			}
		}
	}
}

// TestHandwrittenEvents has events of tools and people, with fewer fields than AWS
// sends.
func TestHandwrittenEvents(t *testing.T) {
	for text, want := range map[string]event.Source{
		`{"resource":"/{proxy+}","path":"/a","httpMethod":"GET","requestContext":{"stage":"dev"}}`:                 event.RESTAPI,
		`{"path":"/a","httpMethod":"GET","requestContext":{"apiId":"x","resourceId":"123456"}}`:                    event.RESTAPI,
		`{"version":"1.0","path":"/a","httpMethod":"GET","requestContext":{"apiId":"x","resourceId":"GET /a"}}`:    event.HTTPAPIv1,
		`{"version":"2.0","rawPath":"/a","requestContext":{"apiId":"1234567890","http":{"method":"GET"}}}`:         event.HTTPAPI,
		`{"rawPath":"/a","requestContext":{"http":{"method":"GET"}}}`:                                              event.HTTPAPI,
		`{"rawPath":"/a","requestContext":{"http":{"method":"GET"},"domainName":"x.lambda-url.eu-west-1.on.aws"}}`: event.FunctionURL,
		`{"path":"/a","httpMethod":"GET","requestContext":{"elb":{"targetGroupArn":"arn"}}}`:                       event.ALB,
		`{"path":"/a","httpMethod":"GET","requestContext":{"elb":{}},"methodArn":null,"headers":null}`:             event.ALB,
		`{"version":"2.0","rawPath":"/a","requestContext":{"connectionId":null,"http":{"method":"GET"}}}`:          event.HTTPAPI,
		`{"raw_path":"/a","method":"GET"}`:                                                                            event.VPCLatticeV1,
		`{"version":"2.0","path":"/a","method":"GET","requestContext":{"serviceArn":"arn"}}`:                          event.VPCLattice,
		`{"version":null,"resource":"/a","path":"/a","httpMethod":"GET","requestContext":{"stage":"","apiId":"abc"}}`: event.RESTAPI,
	} {
		if got := servedAs(t, json.RawMessage(text)); got != want {
			t.Errorf("%s is served as %q, want %q", text, got, want)
		}
	}
}

// shuffled returns v as JSON with the members of objects in random order.
func shuffled(random *rand.Rand, v any) string {
	switch v := v.(type) {
	case map[string]any:
		keys := slices.Sorted(maps.Keys(v))
		random.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
		var members []string
		for _, key := range keys {
			name, _ := json.Marshal(key)
			members = append(members, fmt.Sprintf("%s:%s", name, shuffled(random, v[key])))
		}
		return "{" + strings.Join(members, ",") + "}"
	case []any:
		var elements []string
		for _, e := range v {
			elements = append(elements, shuffled(random, e))
		}
		return "[" + strings.Join(elements, ",") + "]"
	default:
		text, _ := json.Marshal(v)
		return string(text)
	}
}
