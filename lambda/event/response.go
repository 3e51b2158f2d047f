package event

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// responseHead is the JSON of a response before the body. The object of headers
// comes last and stays open until close, since some headers depend on the body.
type responseHead struct {
	json  []byte
	multi bool
	first bool // the next header is the first one
}

// begin encodes status and header.
func (a *responseHead) begin(f responseFormat, status int, header http.Header) {
	a.multi, a.first = f.multi, true
	a.json = make([]byte, 0, 512)
	a.json = append(a.json, `{"statusCode":`...)
	a.json = strconv.AppendInt(a.json, int64(status), 10)
	if f.description {
		a.json = append(a.json, `,"statusDescription":"`...)
		a.json = strconv.AppendInt(a.json, int64(status), 10)
		a.json = append(a.json, ' ')
		text := http.StatusText(status)
		if text == "" {
			text = "status code " + strconv.Itoa(status)
		}
		a.json = append(a.json, text...)
		a.json = append(a.json, '"')
	}
	if cookies := header["Set-Cookie"]; f.cookies && len(cookies) > 0 {
		a.json = append(a.json, `,"cookies":`...)
		a.values(cookies)
	}
	if f.multi {
		a.json = append(a.json, `,"multiValueHeaders":{`...)
	} else {
		a.json = append(a.json, `,"headers":{`...)
	}
	var space [24]string
	names := space[:0]
	for name, values := range header {
		if len(values) > 0 && sent(name, status) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		switch values := header[name]; {
		case name == "Set-Cookie" && f.cookies:
		case name == "Set-Cookie" && !f.multi:
			a.setCookies(values)
		default:
			a.add(name, values...)
		}
	}
}

// sent reports whether a header is part of the response. Headers that concern only
// the connection and those that net/http drops are not part of it. Neither is
// Content-Length, which the source computes itself; WriteHeader adds it in response
// to HEAD.
func sent(name string, status int) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Content-Length":
		return false
	case "Content-Type":
		return status != http.StatusNotModified
	}
	return isToken(name) // false for a name with http.TrailerPrefix
}

// add adds a field with one or more values.
func (a *responseHead) add(name string, values ...string) {
	a.name(name)
	switch {
	case a.multi:
		a.values(values)
	case len(values) == 1:
		a.json = appendQuoted(a.json, clean(values[0]))
	default: // RFC 9110, section 5.3
		cleaned := make([]string, len(values))
		for i, v := range values {
			cleaned[i] = clean(v)
		}
		a.json = appendQuoted(a.json, strings.Join(cleaned, ", "))
	}
}

func (a *responseHead) name(name string) {
	if !a.first {
		a.json = append(a.json, ',')
	}
	a.first = false
	a.json = appendQuoted(a.json, name)
	a.json = append(a.json, ':')
}

func (a *responseHead) values(values []string) {
	a.json = append(a.json, '[')
	for i, v := range values {
		if i > 0 {
			a.json = append(a.json, ',')
		}
		a.json = appendQuoted(a.json, clean(v))
	}
	a.json = append(a.json, ']')
}

// setCookies adds several cookies to an object that can contain a name only once.
// Cookies cannot be joined (RFC 6265, section 3), so each gets its own spelling
// of Set-Cookie: names that differ in case are different in JSON and the same in
// HTTP. There are more spellings than a browser keeps cookies for a site.
func (a *responseHead) setCookies(cookies []string) {
	for i, cookie := range cookies {
		spelling := []byte("Set-Cookie")
		for k := range spelling {
			if spelling[k] == '-' {
				continue
			}
			if i&1 == 1 {
				spelling[k] ^= 'a' - 'A'
			}
			i >>= 1
		}
		a.add(string(spelling), cookie)
	}
}

// close ends the headers.
func (a *responseHead) close() []byte { return append(a.json, '}') }

// clean returns v as net/http sends it.
func clean(v string) string {
	if strings.ContainsAny(v, "\r\n") {
		v = strings.NewReplacer("\n", " ", "\r", " ").Replace(v)
	}
	return strings.Trim(v, " \t")
}
