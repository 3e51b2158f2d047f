package conformance_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/conformance/testdata/probe"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
)

func responseRows() []row {
	same := func(responses ...string) func(*subject) error {
		return func(s *subject) error {
			for _, name := range responses {
				if err := s.sameAsNetHTTP(name, http.MethodGet); err != nil {
					return err
				}
			}
			return nil
		}
	}
	return []row{
		{name: "each Set-Cookie header is sent separately", brief: true, check: same("two cookies", "many cookies")},
		{name: "a header with one value is sent", check: same("one header")},
		{name: "a header with several values is sent", check: same("a header twice")},
		{name: "a binary response is sent, whatever its type", brief: true, check: same("a PNG", "every byte", "gRPC-Web", "bytes as JSON")},
		{name: "a text response is sent, with any character", check: same("text", "quotes and breaks")},
		{name: "a compressed response is sent", check: same("compressed")},
		{name: "the content type is detected as by net/http", check: same("HTML", "HTML in pieces", "HTML, flushed", "a PNG", "text")},
		{name: "a handler that writes nothing sends 200", check: same("nothing at all")},
		{name: "a status without a body is sent", check: same("only a status")},
		{name: "only the first WriteHeader counts", check: same("two statuses", "a status after the body")},
		{name: "a header that is set after the first write has no effect", check: same("headers after the status", "headers after a flush")},
		{name: "an informational status is not the response's status", check: same("early hints")},
		{name: "a handler can flush", check: canFlush},
		{name: "HEAD, 204 and 304 have no body", brief: true, check: func(s *subject) error {
			for _, name := range []string{"no content", "not modified"} {
				if err := s.bodiless(name, http.MethodGet); err != nil {
					return err
				}
			}
			return s.bodiless("text", http.MethodHead)
		}},
		{name: "trailers, TE and Transfer-Encoding are not sent as headers", check: func(s *subject) error {
			if err := s.fieldsLack("trailers", "X-Sum", "Trailer", http.TrailerPrefix+"X-Late"); err != nil {
				return err
			}
			return s.fieldsLack("headers of a connection", "Te", "Transfer-Encoding", "Keep-Alive", "Upgrade", "Connection")
		}},
		{name: "CR and LF cannot be put into a header", check: func(s *subject) error {
			for _, name := range []string{"line breaks in a header", "line breaks in a cookie", "an invalid name"} {
				if err := s.noLineBreaks(name); err != nil {
					return err
				}
			}
			return same("line breaks in a header", "line breaks in a cookie", "an invalid name")(s)
		}},
		{name: "the response has exactly the fields that the source documents", check: exactFields},
		{name: "http.Error, http.Redirect, http.ServeContent and Content-Length work", check: same("not found", "a redirect", "a file in part", "the right length")},
		{name: "the client gets the same response as from net/http's server", check: indistinguishable},
	}
}

// indistinguishable compares every response of package probe, to each method.
func indistinguishable(s *subject) error {
	total, differ := 0, 0
	for _, name := range slices.Sorted(maps.Keys(probe.Responses())) {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
			if name == "panic after flush" && method == http.MethodHead && !s.place.streamed {
				continue // net/http has sent its 200 by then, a whole answer can still be a 500
			}
			total++
			if err := s.sameAsNetHTTP(name, method); err != nil {
				s.logf("%s %q: %v", method, name, err)
				differ++
			}
		}
	}
	if differ > 0 {
		return fmt.Errorf("%d of %d responses differ", differ, total)
	}
	return nil
}

// sameAsNetHTTP compares the answer with that of net/http's own server.
func (s *subject) sameAsNetHTTP(name, method string) error {
	r := ask(name)
	r.method = method
	want := send(s.lab.native.Listener.Addr().String(), r)
	got, err := s.answer(r)
	if err != nil {
		return err
	}
	return s.difference(want, got, method)
}

// difference says what a client sees in got that it would not see in want. It
// passes over what front doors decide for themselves.
func (s *subject) difference(want, got reply, method string) error {
	if want.broken { // the handler failed: a server can only break off, a function can say so
		ownError := strings.HasPrefix(got.body, `{"code":13,`) || method == http.MethodHead
		if got.broken || got.status == http.StatusInternalServerError && ownError {
			return nil
		}
		return got.failed()
	}
	switch {
	case got.broken || got.status != want.status:
		return got.failed()
	case got.body != want.body:
		return fmt.Errorf("the body is %s", abridged(got.body))
	}
	wanted, found := s.clientHeader(want.header), s.clientHeader(got.header)
	if want.header["Content-Type"] == nil {
		delete(found, "Content-Type") // some front doors add one
	}
	if len(wanted) > 0 && len(found) == 0 {
		return errors.New("every header is lost")
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if !slices.Equal(wanted[name], found[name]) {
			if list := want.header[name]; len(list) > 1 && len(got.header[name]) == 1 && got.header[name][0] == strings.Join(list, ",") {
				continue // the same list
			}
			if found[name] == nil {
				return fmt.Errorf("`%s` is lost", name)
			}
			return fmt.Errorf("`%s` is %s", name, abridged(strings.Join(found[name], " | ")))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if wanted[name] == nil {
			return fmt.Errorf("`%s` is sent", name)
		}
	}
	return nil
}

func abridged(text string) string {
	if len(text) > 40 {
		return fmt.Sprintf("%.40q…", text)
	}
	return fmt.Sprintf("%q", text)
}

// clientHeader is header without what front doors add or decide, with lists in
// one form.
func (s *subject) clientHeader(header http.Header) map[string][]string {
	out := make(map[string][]string)
	for name, values := range header {
		switch {
		case name == "Set-Cookie":
			out[name] = slices.Sorted(slices.Values(values))
		case slices.Contains([]string{"Date", "Connection", "Content-Length", "Transfer-Encoding", "Trailer", "Server", "Keep-Alive", "Te", "Upgrade"}, name):
		case strings.HasPrefix(name, "X-Amzn-Remapped-"):
		default:
			out[name] = []string{strings.Join(values, ", ")}
		}
	}
	return out
}

func canFlush(s *subject) error {
	got, err := s.answer(ask("HTML, flushed"))
	if err == nil && (got.status != http.StatusOK || got.body != "<!DOCTYPE html><p>hi") {
		err = got.failed()
	}
	if err != nil {
		return err
	}
	// A flush fixes the header, which shows that it is more than a no-op.
	if got, err = s.answer(ask("headers after a flush")); err == nil && (got.status != http.StatusOK || got.header["X-After"] != nil) {
		err = errors.New("the writer is no http.Flusher")
	}
	return err
}

// bodiless checks that the function's own answer has no body, not only what the
// front door leaves of it.
func (s *subject) bodiless(name, method string) error {
	if err := s.sameAsNetHTTP(name, method); err != nil {
		return err
	}
	if s.place.streamed {
		return nil // a client sees all that there is
	}
	t, err := s.open(setup{serve: "probe"})
	if err != nil {
		return err
	}
	r := ask(name)
	r.method = method
	t.send(r)
	fields, err := t.answers.fields()
	if err != nil {
		return err
	}
	if body := string(fields["body"]); body != "" && body != `""` && body != "null" {
		return errors.New("the body is kept")
	}
	return nil
}

// answerHeader returns the headers in the function's own answer.
func (s *subject) answerHeader(name string) (http.Header, error) {
	t, err := s.open(setup{serve: "probe"})
	if err != nil {
		return nil, err
	}
	t.send(ask(name))
	return t.answers.header()
}

func (s *subject) fieldsLack(name string, headers ...string) error {
	header, err := s.answerHeader(name)
	for _, h := range headers {
		if err == nil && header[h] != nil {
			err = errors.New("written as plain headers")
		}
	}
	return err
}

func (s *subject) noLineBreaks(name string) error {
	header, err := s.answerHeader(name)
	for name, values := range header {
		if err == nil && strings.ContainsAny(name+strings.Join(values, ""), "\r\n") {
			err = errors.New("passed through")
		}
	}
	return err
}

// exactFields checks the names in the function's answer.
func exactFields(s *subject) error {
	t, err := s.open(setup{serve: "probe"})
	if err != nil {
		return err
	}
	t.send(ask("two cookies"))
	fields, err := t.answers.fields()
	if err != nil {
		return err
	}
	known := map[frontdoor.Source][]string{
		frontdoor.RESTAPI:      {"statusCode", "multiValueHeaders", "body", "isBase64Encoded"},
		frontdoor.HTTPAPIv1:    {"statusCode", "multiValueHeaders", "body", "isBase64Encoded"},
		frontdoor.HTTPAPI:      {"statusCode", "headers", "cookies", "body", "isBase64Encoded"},
		frontdoor.FunctionURL:  {"statusCode", "headers", "cookies", "body", "isBase64Encoded"},
		frontdoor.VPCLattice:   {"statusCode", "headers", "body", "isBase64Encoded"},
		frontdoor.VPCLatticeV1: {"statusCode", "headers", "body", "isBase64Encoded"},
		frontdoor.ALB:          {"statusCode", "statusDescription", "headers", "body", "isBase64Encoded"},
		frontdoor.ALBMulti:     {"statusCode", "statusDescription", "multiValueHeaders", "body", "isBase64Encoded"},
	}[s.place.source]
	if s.place.streamed { // a prelude: the body comes after it
		known = slices.DeleteFunc(known, func(name string) bool { return name == "body" || name == "isBase64Encoded" })
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if !slices.Contains(known, name) {
			return fmt.Errorf("has `%s`", name)
		}
	}
	for _, name := range known {
		if fields[name] == nil {
			return fmt.Errorf("lacks `%s`", name)
		}
	}
	return nil
}
