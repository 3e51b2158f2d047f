package event

import (
	"net/http"
	"strings"
)

// header is a request's header while it is being read.
type header struct {
	fields http.Header
	spare  []string // storage for fields with one value, as in net/textproto
	host   string
}

// readHeader reads a request's headers from multi, the event's object of lists,
// or from single if multi is absent.
func readHeader(single, multi string) (header, error) {
	p := parser{s: single, at: "headers"}
	if multi != "" {
		p = parser{s: multi, at: "multiValueHeaders"}
	}
	usual := min(len(p.s)/40, 24) // fields, by what requests from browsers have
	h := header{fields: make(http.Header, usual), spare: make([]string, usual)}
	if p.s == "" {
		return h, nil
	}
	var err error
	p.object(func(name string) {
		value := func() {
			if e := h.add(name, p.text()); e != nil && err == nil {
				err = e
			}
		}
		if p.peek() == '[' {
			p.array(value)
			return
		}
		value()
	})
	if p.err != nil {
		return h, p.err
	}
	return h, err
}

// add adds a field as net/http's server would: it makes the name canonical, moves
// Host out of the header and drops the fields of a connection. Values are
// unchanged. It also drops reserved names.
func (h *header) add(name, value string) error {
	if !isToken(name) {
		return badRequest("a header has an invalid name")
	}
	if !isFieldValue(value) {
		return badRequest("a header has an invalid value")
	}
	if reserved(name) {
		return nil
	}
	name = canonical(name)
	switch name {
	case "Host":
		if h.host == "" {
			h.host = value
		}
		return nil
	case "Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return nil
	}
	if values, ok := h.fields[name]; ok {
		h.fields[name] = append(values, value)
		return nil
	}
	if len(h.spare) == 0 {
		h.fields[name] = []string{value}
		return nil
	}
	h.spare[0] = value
	h.fields[name] = h.spare[:1:1]
	h.spare = h.spare[1:]
	return nil
}

// canonical returns http.CanonicalHeaderKey(name). It has the results for the names
// in lower case that sources send with nearly every request.
func canonical(name string) string {
	switch name {
	case "accept":
		return "Accept"
	case "accept-encoding":
		return "Accept-Encoding"
	case "accept-language":
		return "Accept-Language"
	case "authorization":
		return "Authorization"
	case "content-length":
		return "Content-Length"
	case "content-type":
		return "Content-Type"
	case "host":
		return "Host"
	case "user-agent":
		return "User-Agent"
	case "x-amzn-trace-id":
		return "X-Amzn-Trace-Id"
	case "x-forwarded-for":
		return "X-Forwarded-For"
	case "x-forwarded-port":
		return "X-Forwarded-Port"
	case "x-forwarded-proto":
		return "X-Forwarded-Proto"
	}
	return http.CanonicalHeaderKey(name)
}

// last returns the last value of a field, or "" if there is none.
func (h *header) last(name string) string {
	values := h.fields[name]
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}

// addCookies adds the event's cookies member, unless the headers have a Cookie.
func (h *header) addCookies(raw string) error {
	if _, ok := h.fields["Cookie"]; ok || raw == "" {
		return nil
	}
	var cookies []string
	p := parser{s: raw, at: "cookies"}
	p.array(func() { cookies = append(cookies, p.text()) })
	if p.err != nil {
		return p.err
	}
	if len(cookies) == 0 {
		return nil
	}
	return h.add("Cookie", strings.Join(cookies, "; "))
}

// HeaderPrefix is the prefix of headers that a [Handler] removes from every
// request: in any case, with underscores for dashes, and after Grpc-Metadata-,
// which gateways remove. What stands behind the Handler can therefore use names
// with this prefix for what no client may set.
const HeaderPrefix = "x-lambda-event-"

// reserved reports whether only this package or aws-lambda-go-api-proxy may set
// the header name. It ignores case and treats _ as -, since some proxies mix
// them. It also ignores leading Grpc-Metadata- prefixes, since gateways remove
// them.
func reserved(name string) bool {
	const gateway = "grpc-metadata-"
	for hasPrefix(name, gateway) {
		name = name[len(gateway):]
	}
	return hasPrefix(name, HeaderPrefix) || hasPrefix(name, apiProxyPrefix)
}

// hasPrefix reports whether name begins with prefix, which is in lower case with
// dashes. It ignores the case of name and treats _ as -.
func hasPrefix(name, prefix string) bool {
	if len(name) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		c := name[i]
		switch {
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		case c == '_':
			c = '-'
		}
		if c != prefix[i] {
			return false
		}
	}
	return true
}

// isToken reports whether s is a token (RFC 9110, section 5.6.2). Methods and
// header names are tokens.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		digit := '0' <= c && c <= '9'
		if !letter && !digit && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

// isFieldValue reports whether s can be the value of a header (RFC 9110, section
// 5.5): it has no control characters except tabs.
func isFieldValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
