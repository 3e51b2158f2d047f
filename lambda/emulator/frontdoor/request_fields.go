package frontdoor

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

func encodeJSON(b *bytes.Buffer, v any) error {
	encoder := json.NewEncoder(b)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

// hopByHop are the headers that concern a connection (RFC 9110, section 7.6.1)
// and never reach a function behind API Gateway or a function URL.
var hopByHop = [...]string{
	"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Transfer-Encoding", "Upgrade", "Trailer", "Expect",
}

// headers returns the headers of the event, including those that the source
// adds. scheme and port are those of the listener.
func (in *incoming) headers(scheme, port string) http.Header {
	h := in.Header.Clone()
	h.Set("Host", in.Host)
	h.Set("X-Amzn-Trace-Id", in.traceID)
	h.Set("X-Forwarded-Proto", scheme)
	h.Set("X-Forwarded-Port", port)
	// The source appends the address from which the client connects.
	h.Set("X-Forwarded-For", strings.Join(append(in.Header.Values("X-Forwarded-For"), in.clientIP), ", "))
	if len(in.body) > 0 {
		h.Set("Content-Length", strconv.Itoa(len(in.body)))
	}
	return h
}

func withoutHopByHop(h http.Header) http.Header {
	for _, name := range hopByHop {
		h.Del(name)
	}
	return h
}

func lastValues(values map[string][]string) map[string]string {
	if values == nil {
		return nil
	}
	last := make(map[string]string, len(values))
	for name, v := range values {
		last[name] = v[len(v)-1]
	}
	return last
}

func joinedValues(values map[string][]string) map[string]string {
	if len(values) == 0 {
		return nil
	}
	joined := make(map[string]string, len(values))
	for name, v := range values {
		joined[name] = strings.Join(v, ",")
	}
	return joined
}

func lowerCase(h http.Header) map[string][]string {
	lower := make(map[string][]string, len(h))
	for name, values := range h {
		lower[strings.ToLower(name)] = values
	}
	return lower
}

// queryFields splits a raw query into keys and values, and decodes them if decode
// is set. The values of each key keep their order. The map is nil if raw is empty.
func queryFields(raw string, decode bool) map[string][]string {
	if raw == "" {
		return nil
	}
	fields := make(map[string][]string)
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		key, value, _ := strings.Cut(pair, "=")
		if decode {
			key, value = unescape(key), unescape(value)
		}
		fields[key] = append(fields[key], value)
	}
	return fields
}

// unescape decodes a part of a query. If the encoding is invalid, it returns s.
func unescape(s string) string {
	decoded, err := url.QueryUnescape(s)
	if err != nil {
		return s
	}
	return decoded
}

// decodedPath decodes a percent-encoded path that net/http has validated.
func decodedPath(encoded string) string {
	decoded, err := url.PathUnescape(encoded)
	if err != nil {
		return encoded
	}
	return decoded
}

// isText reports whether HTTP APIs, function URLs and load balancers pass a body
// of this type as text instead of base64. They do so for text/* and for the
// application types json, javascript and xml (Elastic Load Balancing, "Lambda
// functions as targets").
func isText(contentType string) bool {
	mediaType, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	switch mediaType {
	case "application/json", "application/javascript", "application/xml":
		return true
	}
	return strings.HasPrefix(mediaType, "text/")
}

// bodyField returns the body as a field of an event. JSON encoding replaces
// invalid UTF-8 in a text body.
func bodyField(body []byte, inBase64 bool) string {
	if inBase64 {
		return base64.StdEncoding.EncodeToString(body)
	}
	return string(body)
}

// matchesMediaType reports whether mediaType matches one of types, which may be
// ranges such as "image/*".
func matchesMediaType(types []string, mediaType string) bool {
	if parsed, _, err := mime.ParseMediaType(mediaType); err == nil {
		mediaType = parsed
	}
	for _, t := range types {
		prefix, isRange := strings.CutSuffix(t, "*")
		if t == "*/*" || strings.EqualFold(t, mediaType) || isRange && prefix != "" && strings.HasPrefix(mediaType, prefix) {
			return true
		}
	}
	return false
}

// domain returns the domain name of the API or the function URL. Unlike the Host
// header, it does not depend on the client.
func (d *door) domain() string {
	if d.source == FunctionURL {
		return d.apiID + ".lambda-url." + d.region + ".on.aws"
	}
	return d.apiID + ".execute-api." + d.region + ".amazonaws.com"
}

// clfTime is the format of requestContext.time.
const clfTime = "02/Jan/2006:15:04:05 -0700"
