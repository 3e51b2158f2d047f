package service_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

const states = "want one of STATE_UNSPECIFIED, STATE_ACTIVE, STATE_RETIRED"

func TestJSON_RefusesInvalidRequests(t *testing.T) {
	s := start(t, transport.InProcess(), nil, bindTest(testService{}))
	for name, test := range map[string]struct{ method, target, body, want string }{
		"an enum value":                   {"POST", "/test/v1/items", `{"state":"NOPE"}`, `body: state: unknown value "NOPE", ` + states},
		"an enum value of a PATCH":        {"PATCH", "/test/v1/items/a", `{"state":"NOPE"}`, `body: state: unknown value "NOPE", ` + states},
		"beside an unknown field":         {"POST", "/test/v1/items", `{"no":{"a":[1,{}]},"state":"NOPE"}`, `body: state: unknown value "NOPE", ` + states},
		"in a message":                    {"POST", "/test/v1/items", `{"item":{"state":"NOPE"}}`, `body: item.state: unknown value "NOPE", ` + states},
		"in a list":                       {"POST", "/test/v1/items", `{"item":{"states":["STATE_ACTIVE",1,"NOPE"]}}`, `body: item.states: unknown value "NOPE", ` + states},
		"in a map":                        {"POST", "/test/v1/items", `{"item":{"statesByName":{"a":"NOPE"}}}`, `body: item.statesByName: unknown value "NOPE", ` + states},
		"in a list of messages":           {"POST", "/test/v1/items", `{"item":{"children":[{},{"child":{"state":""}}]}}`, `body: item.children.child.state: unknown value "", ` + states},
		"in a map of messages":            {"POST", "/test/v1/items", `{"item":{"children_by_name":{"a":{"state":"NOPE"}}}}`, `body: item.children_by_name.state: unknown value "NOPE", ` + states},
		"a name in lower case":            {"POST", "/test/v1/items", `{"state":"state_active"}`, `body: state: unknown value "state_active", ` + states},
		"in a list that is the body":      {"POST", "/test/v1/items/a/items", `[{},{"child":{"state":"NOPE"}}]`, `body: [1].child.state: unknown value "NOPE", ` + states},
		"an object in place of a list":    {"POST", "/test/v1/items/a/items", `{}`, "body: json: cannot unmarshal object into Go value of type []json.RawMessage"},
		"two values of one parameter":     {"GET", "/test/v1/items/a?text=a&text=b", "", `too many values for field "text": a, b`},
		"a parameter by both its names":   {"GET", "/test/v1/items/a?item.size_bytes=1&item.sizeBytes=1", "", `duplicate field "item.size_bytes"`},
		"an enum value of a parameter":    {"GET", "/test/v1/items/a?state=NOPE", "", `parsing field "state": "NOPE" is not a valid value`},
		"a second value":                  {"POST", "/test/v1/items", `{"text":"a"}{"text":"b"}`, "body: unexpected data after the JSON value"},
		"a second line":                   {"POST", "/test/v1/items", "{\"text\":\"a\"}\n{\"text\":\"b\"}\n", "body: unexpected data after the JSON value"},
		"garbage":                         {"POST", "/test/v1/items", `{"text":"a"} garbage`, "body: unexpected data after the JSON value"},
		"garbage far behind":              {"POST", "/test/v1/items", `{"text":"a"}` + strings.Repeat(" ", 100_000) + "x", "body: unexpected data after the JSON value"},
		"garbage after a field":           {"POST", "/test/v1/items/a/text", `"a" "b"`, "body: unexpected data after the JSON value"},
		"garbage in a PATCH with a mask":  {"PATCH", "/test/v1/items/a", `{"text":"a"}}`, "body: unexpected data after the JSON value"},
		"garbage far behind, in a PATCH":  {"PATCH", "/test/v1/items/a", `{"text":"a"}` + strings.Repeat("\n", 100_000) + "[]", "body: unexpected data after the JSON value"},
		"half a surrogate pair":           {"POST", "/test/v1/items/a/text", `"\ud83d"`, `body: invalid escape code "\\ud83d" in string`},
		"half a surrogate pair in a list": {"POST", "/test/v1/items/a/tags", `["\\","\ud83d\u0041"]`, `body: invalid escape code "\\ud83d" in string`},
		"invalid UTF-8 in a field":        {"POST", "/test/v1/items/a/text", "\"\xff\"", "body: invalid UTF-8"},
	} {
		t.Run(name, func(t *testing.T) { isError(t, call(t, s, test.method, test.target, test.body), 400, 3, test.want) })
	}
}

func TestJSON_AcceptsValidRequests(t *testing.T) {
	s := start(t, transport.InProcess(), nil, bindTest(testService{}))
	for name, test := range map[string]struct {
		method, target, body string
		field                string
		want                 any
	}{
		"an enum value by name":             {"POST", "/test/v1/items", `{"state":"STATE_ACTIVE"}`, "state", "STATE_ACTIVE"},
		"an enum value by number":           {"POST", "/test/v1/items", `{"state":2}`, "state", "STATE_RETIRED"},
		"a number of an enum value to come": {"POST", "/test/v1/items", `{"state":99}`, "state", 99.0},
		"an unknown field":                  {"POST", "/test/v1/items", `{"text":"a","no":{"state":"NOPE","a":[{}]}}`, "text", "a"},
		"an unknown field of null":          {"POST", "/test/v1/items", `{"text":"a","item":null,"tags":null,"no":null}`, "text", "a"},
		"an unknown query parameter":        {"GET", "/test/v1/items/a?no=1&text=a", "", "text", "a"},
		"space around the value":            {"POST", "/test/v1/items", " \r\n\t{\"text\":\"a\"}" + strings.Repeat(" \r\n\t", 10_000), "text", "a"},
		"no body":                           {"POST", "/test/v1/items", "", "text", ""},
		"only space":                        {"POST", "/test/v1/items", " \n", "text", ""},
		"a surrogate pair":                  {"POST", "/test/v1/items/a/text", `"\\ \ud83d\ude00"`, "text", `\ 😀`},
		"an escaped backslash":              {"POST", "/test/v1/items/a/text", `"\\ud83d"`, "text", `\ud83d`},
		"a list of messages as the body":    {"POST", "/test/v1/items/a/items", `[{"no":1},{"text":"b"}]`, "items", []any{item(""), item("b")}},
		"no list as the body":               {"POST", "/test/v1/items/a/items", `null`, "items", []any{}},
		"a list as the body":                {"POST", "/test/v1/items/a/tags", `["x","y"]`, "tags", []any{"x", "y"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := call(t, s, test.method, test.target, test.body)
			if diff := cmp.Diff(test.want, a.fields(t)[test.field]); a.code != 200 || diff != "" {
				t.Errorf("answer %d %s, %s: -want +got:\n%s", a.code, a.body, test.field, diff)
			}
		})
	}
}

// item returns the default JSON of an item with the given text.
func item(text string) any {
	return map[string]any{
		"name": "", "text": text, "state": "STATE_UNSPECIFIED", "states": []any{}, "statesByName": map[string]any{}, "child": nil,
		"children": []any{}, "childrenByName": map[string]any{}, "sizeBytes": "0", "data": "",
	}
}

func TestJSON_PatchDerivesTheFieldMask(t *testing.T) {
	s := start(t, transport.InProcess(), nil, bindTest(testService{}))
	a := call(t, s, "PATCH", "/test/v1/items/a", `{"text":"","sizeBytes":"1","child":{"state":"STATE_ACTIVE"}}`)
	if a.code != 200 {
		t.Fatalf("answer: %+v", a)
	}
	paths := strings.Split(a.fields(t)["updateMask"].(string), ",")
	slices.Sort(paths)
	if diff := cmp.Diff([]string{"child.state", "sizeBytes", "text"}, paths); diff != "" {
		t.Errorf("mask: -want +got:\n%s", diff)
	}
	if a := call(t, s, "PATCH", "/test/v1/items/a", `{"no":1}`); a.code != 400 || !strings.Contains(a.body, `\"no\"`) {
		t.Errorf("a mask with a field that does not exist: %+v, want 400", a)
	}
}

func TestWithJSON(t *testing.T) {
	strict := start(t, transport.InProcess(), nil, bindTest(testService{}), service.WithJSON(service.JSON{
		RefuseUnknownFields: true, RefuseUnknownParameters: true, OmitUnpopulated: true, UseEnumNumbers: true, UseProtoNames: true,
	}))
	a := call(t, strict, "POST", "/test/v1/items", `{"name":"a","state":"STATE_ACTIVE","item":{"sizeBytes":"1"}}`)
	want := map[string]any{"name": "a", "state": 1.0, "item": map[string]any{"size_bytes": "1"}}
	if diff := cmp.Diff(want, a.fields(t)); a.code != 200 || diff != "" {
		t.Errorf("answer %d: -want +got:\n%s", a.code, diff)
	}
	for _, target := range []string{
		"/test/v1/items/a?text=b&state=STATE_ACTIVE&tags=1&tags=2&item.size_bytes=3&item.sizeBytes=3", // the last two are one field
		"/test/v1/items/a?no=1", "/test/v1/items/a?item.no=1", "/test/v1/items/a?text.no=1", "/test/v1/items?no=1",
	} {
		if a := call(t, strict, "GET", target, ""); a.code != 400 {
			t.Errorf("%s: %+v, want 400", target, a)
		}
	}
	isError(t, call(t, strict, "GET", "/test/v1/items/a?no=1", ""), 400, 3, `query: unknown parameter "no"`)
	for _, target := range []string{"/test/v1/items/a?text=b&item.size_bytes=3", "/test/v1/items?count=1", "/healthz?service="} {
		if a := call(t, strict, "GET", target, ""); a.code != 200 {
			t.Errorf("%s: %+v, want 200", target, a)
		}
	}
	for _, body := range []string{`{"no":1}`, `{"item":{"no":1}}`, `{"state":"NOPE"}`} {
		if a := call(t, strict, "POST", "/test/v1/items", body); a.code != 400 || !strings.Contains(a.body, "body: ") {
			t.Errorf("%s: %+v, want 400", body, a)
		}
	}
}

// FuzzJSONBody checks that the gateway accepts what protojson accepts, apart
// from unknown fields, and nothing else.
func FuzzJSONBody(f *testing.F) {
	for _, seed := range []string{
		`{"text":"a"}`, `{"state":"NOPE","no":{}}`, `{"item":{"children":[{"state":"STATE_ACTIVE","x":[]}]}}`, `{} {}`, `{"a":"\ud800"}`,
		"\"\xff\"", `{"item":{"statesByName":{"":"x"}},"y":1}`, `null`, `[]`, `{"item":{"state":null},"z":0}`, `{"[a.b]":1,"tags":["a"]}`,
	} {
		f.Add(seed)
	}
	s, err := service.New(f.Context(), transport.InProcess(), bindTest(testService{}))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close() })
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/test/v1/items", strings.NewReader(body))
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		var strict, lenient testv1.GetRequest
		strictErr := protojson.Unmarshal([]byte(body), &strict)
		lenientErr := protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal([]byte(body), &lenient)
		switch {
		case strings.TrimSpace(body) == "":
		case lenientErr != nil && w.Code != http.StatusBadRequest:
			t.Errorf("%q: %d, want 400 for %v", body, w.Code, lenientErr)
		case strictErr == nil && w.Code != http.StatusOK:
			t.Errorf("%q: %d %s, want 200", body, w.Code, w.Body)
		case w.Code == http.StatusOK:
			var got testv1.GetResponse
			if err := protojson.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			want := &testv1.GetResponse{Name: lenient.GetName(), Text: lenient.GetText(), State: lenient.GetState(), Tags: lenient.GetTags(), Item: lenient.GetItem(), Items: lenient.GetItems()}
			if !proto.Equal(&got, want) {
				t.Errorf("%q: got %v, want %v", body, &got, want)
			}
		case w.Code != http.StatusBadRequest:
			t.Errorf("%q: %d %s, want 200 or 400", body, w.Code, w.Body)
		}
	})
}

func ExampleWithJSON() {
	svc, err := service.New(context.Background(), transport.InProcess(), bindTest(testService{}),
		service.WithLogger(slog.New(slog.DiscardHandler)),
		service.WithJSON(service.JSON{OmitUnpopulated: true, RefuseUnknownFields: true}))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer svc.Close()
	for _, body := range []string{`{"text":"hello"}`, `{"txt":"hello"}`} {
		w := httptest.NewRecorder()
		svc.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/test/v1/items", strings.NewReader(body)))
		fmt.Println(w.Code, strings.Contains(w.Body.String(), `"tags"`))
	}
	// Output:
	// 200 false
	// 400 false
}
