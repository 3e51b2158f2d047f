package conformance_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
)

func requestRows() []row {
	return slices.Concat(pathRows(), queryRows(), headerRows(), clientRows(), bodyRows())
}

func headerRows() []row {
	joined := "the values of a repeated header are joined with `,`"
	rows := []row{
		{name: "each value of a repeated header arrives", check: repeatedHeader, destroyed: map[frontdoor.Source]string{
			frontdoor.ALB:     "only the last value of a repeated header is in the event",
			frontdoor.HTTPAPI: joined, frontdoor.FunctionURL: joined, frontdoor.VPCLatticeV1: joined,
		}},
		{name: "each cookie arrives once", brief: true, check: func(s *subject) error {
			seen, err := s.see(get("/", "Cookie: a=1; b=2; c=x,y"))
			if err == nil && strings.Join(seen.Header["Cookie"], "; ") != "a=1; b=2; c=x,y" {
				err = arrived(seen.Header["Cookie"])
			}
			return err
		}},
		{name: "hop-by-hop headers do not arrive", check: func(s *subject) error {
			seen, err := s.see(request{method: "POST", header: []string{"TE: trailers", "Keep-Alive: timeout=5", "Upgrade: h2c", "Proxy-Connection: close", "Connection: x-a"}, body: "x"})
			for _, name := range []string{"Te", "Keep-Alive", "Upgrade", "Proxy-Connection", "Connection", "Transfer-Encoding", "Trailer"} {
				if err == nil && seen.Header[name] != nil {
					err = fmt.Errorf("`%s` arrives", name)
				}
			}
			return err
		}},
	}
	for _, h := range []struct{ name, line string }{
		{"commas in a header value are kept", "X-A: 1,2, 3 ,,4"},
		{"quoted strings in a header value are kept", `If-None-Match: "a, b", W/"c;d"`},
		{"JSON in a header value is kept", `X-A: {"a":[1, 2],"b":"c,d\""}`},
		{"dates in the headers defined as dates are kept", "If-Unmodified-Since: Tue, 15 Nov 1994 12:45:26 GMT"},
		{"a date in any other header is kept", "X-Date: Tue, 15 Nov 1994 12:45:26 GMT"},
	} {
		rows = append(rows, row{name: h.name, brief: strings.HasPrefix(h.name, "commas"), check: func(s *subject) error {
			name, value, _ := strings.Cut(h.line, ": ")
			seen, err := s.see(get("/", h.line))
			if err == nil && !slices.Equal(seen.Header[name], []string{value}) {
				err = arrived(seen.Header[name])
			}
			return err
		}})
	}
	return rows
}

func repeatedHeader(s *subject) error {
	seen, err := s.see(get("/", "X-A: 1", "X-A: 2"))
	want := []string{"1", "2"}
	switch {
	case s.place.source == frontdoor.ALB:
		want = []string{"2"}
	case s.isPayload2() || s.place.source == frontdoor.VPCLatticeV1:
		want = []string{"1,2"}
	}
	if err == nil && !slices.Equal(seen.Header["X-A"], want) {
		err = arrived(seen.Header["X-A"])
	}
	return err
}

func clientRows() []row {
	return []row{
		{name: "Host is what the client sent", check: func(s *subject) error {
			seen, err := s.see(get("/"))
			if err == nil && seen.Host != "api.example.com" {
				err = errors.New("is empty")
				if seen.Host != "" {
					err = errors.New("Host is the API's domain name")
				}
			}
			if err == nil && seen.Header["Host"] != nil {
				err = errors.New("Host is among the headers too")
			}
			return err
		}},
		{name: "a health check without a Host is served", on: []frontdoor.Source{frontdoor.ALB, frontdoor.ALBMulti}, check: func(s *subject) error {
			seen, err := s.see(request{noHost: true, header: []string{"User-Agent: ELB-HealthChecker/2.0"}})
			if err == nil && seen.Host != "" {
				err = fmt.Errorf("Host is `%s`", seen.Host)
			}
			return err
		}},
		{name: "`Request.TLS` is set for https", check: func(s *subject) error {
			seen, err := s.see(get("/", "X-Forwarded-Proto: https"))
			if err == nil && seen.TLS == (s.isALB() || s.place.isLattice()) { // these listen for HTTP
				err = fmt.Errorf("TLS is %v", seen.TLS)
			}
			return err
		}},
		{name: "RemoteAddr is the client's address, with a port", brief: true, check: func(s *subject) error {
			seen, err := s.see(get("/"))
			if err != nil {
				return err
			}
			if ip, _, err := net.SplitHostPort(seen.RemoteAddr); err != nil || ip != "127.0.0.1" {
				return address(seen.RemoteAddr)
			}
			return nil
		}},
		{name: "a client cannot forge its address with X-Forwarded-For", brief: true, check: func(s *subject) error {
			seen, err := s.see(get("/", "X-Forwarded-For: 198.51.100.66"))
			if err == nil && !strings.HasPrefix(seen.RemoteAddr, "127.0.0.1") {
				err = address(seen.RemoteAddr)
			}
			return err
		}},
		{name: "every HTTP method arrives", check: func(s *subject) error {
			for _, method := range []string{"PUT", "DELETE", "PATCH", "OPTIONS", "PURGE"} {
				seen, err := s.see(request{method: method})
				if err == nil && seen.Method != method {
					err = fmt.Errorf("%s arrives as %s", method, seen.Method)
				}
				if err != nil {
					return err
				}
			}
			return nil
		}},
	}
}

func address(wrong string) error {
	if wrong == "" {
		return errors.New("RemoteAddr is empty")
	}
	return fmt.Errorf("RemoteAddr is `%s`", wrong)
}

func bodyRows() []row {
	body := func(contentType, body string) func(*subject) error {
		return func(s *subject) error {
			r := request{method: "POST", body: body}
			if contentType != "" {
				r.header = []string{"Content-Type: " + contentType}
			}
			seen, err := s.see(r)
			if err == nil && string(seen.Body) != body {
				err = fmt.Errorf("arrives as %q", seen.Body)
			}
			if err == nil && seen.ContentLength != int64(len(body)) {
				err = fmt.Errorf("ContentLength is %d for %d bytes", seen.ContentLength, len(body))
			}
			return err
		}
	}
	return []row{
		{name: "a binary body arrives byte for byte", check: body("application/grpc-web", "\x00\x01\xff\xfe\x80binary\r\n")},
		{name: "a text body arrives, with any character", check: body("application/json", "{\"a\":\"\u00fc\u2028\U0001f600\\u0000\"}\n")},
		{name: "a body without a Content-Type arrives", check: body("", "a=1")},
		{name: "an empty body arrives", check: body("application/json", "")},
		{name: "a HEAD request arrives as HEAD", check: func(s *subject) error {
			got, err := s.answer(request{method: "HEAD"})
			if err == nil && (got.status != http.StatusOK || got.body != "") {
				err = got.failed()
			}
			return err
		}},
		{name: "the handler gets the same `*http.Request` as from net/http's server", check: sameRequest},
	}
}

// answer returns what the handler of package probe answers.
func (s *subject) answer(r request) (reply, error) {
	t, err := s.open(setup{serve: "probe"})
	if err != nil {
		return reply{}, err
	}
	return t.send(r), nil
}

// sameRequest compares what a handler sees with what it sees under net/http's
// own server, apart from what front doors add and what they destroy.
func sameRequest(s *subject) error {
	for _, r := range []request{
		get("/dir/a?b=c&d=e", "User-Agent: test", "Accept: */*", "X-A: 1", "Cookie: a=1"),
		{method: "POST", target: "/caf%C3%A9%20x/?b=1", header: []string{"Content-Type: text/plain", "Authorization: Bearer x"}, body: "b=3&d=4"},
		{method: "DELETE", target: "//a/../b/"},
		{method: "PUT", target: "/x", header: []string{"Content-Type: application/octet-stream"}, body: "\x00\xff"},
	} {
		want, err := (&target{address: s.lab.native.Listener.Addr().String()}).see(r)
		if err != nil {
			return err
		}
		got, err := s.see(r)
		if err != nil {
			return err
		}
		got.Info, got.FromContext, got.TLS, got.RemoteAddr = want.Info, want.FromContext, want.TLS, want.RemoteAddr
		for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Amzn-Trace-Id", "X-Forwarded-For-Proto", "X-Forwarded-For-Port"} {
			delete(got.Header, name) // added by the front door
		}
		if s.place.source == frontdoor.RESTAPI {
			delete(want.Header, "Content-Length") // which a REST API does not pass on
		}
		if diff := cmp.Diff(want, got); diff != "" {
			s.logf("%s %s: (-net/http +this)\n%s", r.method, r.target, diff)
			return errors.New("the request differs")
		}
	}
	return nil
}
