package frontdoor_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
)

var (
	rest    = []frontdoor.Source{frontdoor.RESTAPI}
	notREST = []frontdoor.Source{frontdoor.HTTPAPI, frontdoor.HTTPAPIv1, frontdoor.ALB, frontdoor.ALBMulti, frontdoor.FunctionURL}
	apis    = []frontdoor.Source{frontdoor.RESTAPI, frontdoor.HTTPAPI, frontdoor.HTTPAPIv1}
	v1      = []frontdoor.Source{frontdoor.RESTAPI, frontdoor.HTTPAPIv1}
	v2      = []frontdoor.Source{frontdoor.HTTPAPI, frontdoor.FunctionURL}
	lattice = []frontdoor.Source{frontdoor.VPCLattice, frontdoor.VPCLatticeV1}
	every   = frontdoor.Sources()
)

func TestResponses(t *testing.T) {
	for name, test := range map[string]struct {
		sources []frontdoor.Source
		payload string
		status  int
		header  http.Header // other headers are not compared
		body    string
	}{
		"status, headers and body": {
			[]frontdoor.Source{frontdoor.RESTAPI, frontdoor.HTTPAPI, frontdoor.HTTPAPIv1, frontdoor.ALB, frontdoor.FunctionURL, frontdoor.VPCLattice, frontdoor.VPCLatticeV1},
			`{"statusCode":201,"headers":{"content-type":"text/x","x-a":"1, 2","x-n":3},"body":"ü"}`,
			201, http.Header{"Content-Type": {"text/x"}, "X-A": {"1, 2"}, "X-N": {"3"}}, "ü",
		},
		"several values of a header": {
			[]frontdoor.Source{frontdoor.RESTAPI, frontdoor.HTTPAPIv1, frontdoor.ALBMulti},
			`{"statusCode":200,"multiValueHeaders":{"set-cookie":["a=1","b=2"]},"body":""}`,
			200, http.Header{"Set-Cookie": {"a=1", "b=2"}}, "",
		},
		"multi-value headers win over single-value headers": {
			v1, `{"statusCode":200,"headers":{"x-a":"0","x-b":"1"},"multiValueHeaders":{"x-a":["1","2"]}}`,
			200, http.Header{"X-A": {"1", "2"}, "X-B": {"1"}}, "",
		},
		"names that differ in case": {
			[]frontdoor.Source{frontdoor.ALB}, `{"statusCode":200,"headers":{"Set-Cookie":"a=1","set-Cookie":"b=2","SET-COOKIE":"c=3"},"body":""}`,
			200, http.Header{"Set-Cookie": {"c=3", "a=1", "b=2"}}, "",
		},
		"cookies of payload 2.0": {
			v2, `{"statusCode":200,"cookies":["a=1; Secure","b=2"]}`,
			200, http.Header{"Set-Cookie": {"a=1; Secure", "b=2"}}, "",
		},
		"a load balancer without multi-value headers does not read them": {
			[]frontdoor.Source{frontdoor.ALB}, `{"statusCode":200,"headers":{"x-a":"1"},"multiValueHeaders":{"x-b":["2"]}}`,
			200, http.Header{"X-A": {"1"}, "X-B": nil}, "",
		},
		"a load balancer with multi-value headers ignores single-value headers": {
			[]frontdoor.Source{frontdoor.ALBMulti}, `{"statusCode":200,"headers":{"x-a":"1"},"multiValueHeaders":{"x-b":["2"]}}`,
			200, http.Header{"X-A": nil, "X-B": {"2"}}, "",
		},
		"a body in base64": {every, `{"statusCode":200,"body":"/wA=","isBase64Encoded":true}`, 200, nil, "\xff\x00"},
		"JSON without a status is the body in payload 2.0": {
			v2, `{"message":"Pong"}`, 200, http.Header{"Content-Type": {"application/json"}}, `{"message":"Pong"}`,
		},
		"a JSON string is the body in payload 2.0": {v2, `"Pong"`, 200, http.Header{"Content-Type": {"application/json"}}, `"Pong"`},
		"hop-by-hop headers are dropped": {
			[]frontdoor.Source{frontdoor.HTTPAPI, frontdoor.ALB}, `{"statusCode":200,"headers":{"Connection":"close","Transfer-Encoding":"x","Content-Length":"99"},"body":"x"}`,
			200, http.Header{"Connection": nil, "Transfer-Encoding": nil, "Content-Length": nil}, "x",
		},
		"REST APIs and function URLs rename some headers": {
			[]frontdoor.Source{frontdoor.RESTAPI, frontdoor.FunctionURL}, `{"statusCode":401,"headers":{"WWW-Authenticate":"Bearer"}}`,
			401, http.Header{"X-Amzn-Remapped-Www-Authenticate": {"Bearer"}, "Www-Authenticate": nil}, "",
		},
		"HTTP APIs do not rename headers": {
			[]frontdoor.Source{frontdoor.HTTPAPI}, `{"statusCode":401,"headers":{"WWW-Authenticate":"Bearer"}}`,
			401, http.Header{"Www-Authenticate": {"Bearer"}}, "",
		},
		"an HTTP API adds a content type": {
			[]frontdoor.Source{frontdoor.HTTPAPI}, `{"statusCode":200,"body":"<html>"}`,
			200, http.Header{"Content-Type": {"text/plain; charset=utf-8"}}, "<html>",
		},
		"a load balancer does not add a content type": {
			[]frontdoor.Source{frontdoor.ALB}, `{"statusCode":200,"body":"<html>"}`, 200, http.Header{"Content-Type": nil}, "<html>",
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, source := range test.sources {
				response := serve(t, frontDoor(t, &fake{response: test.payload}, source), get("/"))
				body, err := io.ReadAll(response.Body)
				if err != nil || string(body) != test.body || response.StatusCode != test.status {
					t.Errorf("%s: %d %q, %v; want %d %q", source, response.StatusCode, body, err, test.status, test.body)
				}
				for name, want := range test.header {
					if diff := cmp.Diff(want, response.Header.Values(name)); diff != "" && len(want)+len(response.Header.Values(name)) > 0 {
						t.Errorf("%s: %s -want +got\n%s", source, name, diff)
					}
				}
			}
		})
	}
}

func TestResponses_RESTAPIDecodesBase64DependingOnAccept(t *testing.T) {
	const payload = `{"statusCode":200,"headers":{"Content-Type":"image/png"},"body":"cG5n","isBase64Encoded":true}`
	images := frontdoor.WithBinaryMediaTypes("image/*")
	for accept, want := range map[string]string{
		"":                                     "png",
		"Accept: image/png\n":                  "png",
		"Accept: image/png;q=0.1, text/html\n": "png",
		"Accept: text/html, image/png\n":       "cG5n",
	} {
		response := serve(t, frontDoor(t, &fake{response: payload}, frontdoor.RESTAPI, images), "GET / HTTP/1.1\nHost: h\n"+accept+"\n")
		if body, err := io.ReadAll(response.Body); err != nil || string(body) != want {
			t.Errorf("%q: body %q, %v, want %q", accept, body, err, want)
		}
	}
}

func TestResponses_Invalid(t *testing.T) {
	want := map[frontdoor.Source]int{
		frontdoor.RESTAPI: 502, frontdoor.HTTPAPI: 500, frontdoor.HTTPAPIv1: 500, frontdoor.ALB: 502, frontdoor.ALBMulti: 502, frontdoor.FunctionURL: 502,
		frontdoor.VPCLattice: 500, frontdoor.VPCLatticeV1: 500,
	}
	for name, test := range map[string]struct {
		sources []frontdoor.Source
		payload string
	}{
		"not JSON":                        {every, `pong`},
		"an empty response":               {every, ``},
		"a status that is not a number":   {every, `{"statusCode":"teapot"}`},
		"a status out of range":           {every, `{"statusCode":99}`},
		"a body that is an object":        {every, `{"statusCode":200,"body":{}}`},
		"a body that is not base64":       {every, `{"statusCode":200,"body":"***","isBase64Encoded":true}`},
		"a header that is a list":         {every, `{"statusCode":200,"headers":{"a":["b"]}}`},
		"no status":                       {append(v1, frontdoor.ALB, frontdoor.ALBMulti), `{"body":"x"}`},
		"a string":                        {append(v1, frontdoor.ALB, frontdoor.ALBMulti), `"x"`},
		"cookies in payload 1.0":          {v1, `{"statusCode":200,"cookies":["a=b"]}`},
		"an unknown field in payload 1.0": {v1, `{"statusCode":200,"statusDescription":"OK"}`},
		"over 6 MB through VPC Lattice":   {lattice, `{"statusCode":200,"body":"` + strings.Repeat("x", 6<<20) + `"}`},
		"over 1 MB through a load balancer": {
			[]frontdoor.Source{frontdoor.ALB, frontdoor.ALBMulti}, `{"statusCode":200,"body":"` + strings.Repeat("x", 1<<20) + `"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, source := range test.sources {
				if got := serve(t, frontDoor(t, &fake{response: test.payload}, source), get("/")).StatusCode; got != want[source] {
					t.Errorf("%s: status %d, want %d", source, got, want[source])
				}
			}
		})
	}
}

func TestResponses_FailedInvocations(t *testing.T) {
	type reply struct {
		status int
		body   string
	}
	html := func(title string) string {
		return "<html>\r\n<head><title>" + title + "</title></head>\r\n<body>\r\n<center><h1>" + title +
			"</h1></center>\r\n</body>\r\n</html>\r\n"
	}
	for name, test := range map[string]struct {
		err     error
		options []frontdoor.Option
		want    map[frontdoor.Source]reply
	}{
		"a function that fails": {
			err: &emulator.FunctionError{Type: "Oops"},
			want: map[frontdoor.Source]reply{
				frontdoor.RESTAPI:     {502, `{"message": "Internal server error"}`},
				frontdoor.HTTPAPI:     {500, `{"message":"Internal Server Error"}`},
				frontdoor.HTTPAPIv1:   {500, `{"message":"Internal Server Error"}`},
				frontdoor.ALB:         {502, html("502 Bad Gateway")},
				frontdoor.ALBMulti:    {502, html("502 Bad Gateway")},
				frontdoor.FunctionURL: {502, `Internal Server Error`},
				frontdoor.VPCLattice:  {500, `Internal Server Error`},
			},
		},
		"an event over 6 MB": {
			err: emulator.ErrRequestTooLarge,
			want: map[frontdoor.Source]reply{
				frontdoor.RESTAPI:     {413, `{"message": "Request Too Long"}`},
				frontdoor.HTTPAPI:     {413, `{"message":"Request Entity Too Large"}`},
				frontdoor.HTTPAPIv1:   {413, `{"message":"Request Entity Too Large"}`},
				frontdoor.ALB:         {413, html("413 Request Entity Too Large")},
				frontdoor.FunctionURL: {413, `{"Message":"Request must be smaller than 6291456 bytes for the InvokeFunction operation"}`},
			},
		},
		"an API that stops waiting": {
			err: errWait, options: []frontdoor.Option{frontdoor.WithTimeout(time.Millisecond)},
			want: map[frontdoor.Source]reply{
				frontdoor.RESTAPI:   {504, `{"message": "Endpoint request timed out"}`},
				frontdoor.HTTPAPI:   {503, `{"message":"Service Unavailable"}`},
				frontdoor.HTTPAPIv1: {503, `{"message":"Service Unavailable"}`},
			},
		},
		"a function that is closed": {
			err: emulator.ErrClosed,
			want: map[frontdoor.Source]reply{
				frontdoor.HTTPAPI: {503, `{"message":"Service Unavailable"}`},
				frontdoor.ALB:     {503, html("503 Service Unavailable")},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for source, want := range test.want {
				response := serve(t, frontDoor(t, &fake{err: test.err}, source, test.options...), get("/"))
				body, err := io.ReadAll(response.Body)
				if got := (reply{response.StatusCode, string(body)}); err != nil || got != want {
					t.Errorf("%s: %v, %v, want %v", source, got, err, want)
				}
			}
		})
	}
}
