package event

import "strings"

// httpAPI is an API Gateway HTTP API with payload 2.0. API Gateway has decoded
// the path, in which it puts a named stage first, on custom domains too; the
// query is as the client sent it. What a %2F or a %3F in the path was is lost,
// and no guess is made at it. Cookies are apart from the headers.
type httpAPI struct{}

// detectHTTPAPI goes by requestContext.http, which Function URLs have as well.
// An HTTP API has a domain name that is not theirs; local emulations of one may
// have none, but then they have no domainPrefix and no id of a Function URL
// either, which has 32 characters.
func detectHTTPAPI(e *envelope) (source, bool) {
	c := &e.context
	ofURL := isURLDomain(c.domainName) || c.domainName == "" && (c.domainPrefix != "" || len(c.apiID) == 32)
	return httpAPI{}, c.method != "" && isVersion2(e.version) && !ofURL
}

// isVersion2 reports whether an event with requestContext.http is of a payload
// version that this package knows. Events that are written by hand often have
// no version.
func isVersion2(version string) bool { return version == "2.0" || version == "" }

func isURLDomain(name string) bool { return strings.Contains(name, ".lambda-url.") }

func (httpAPI) name() Source { return HTTPAPI }

func (httpAPI) responseFormat() responseFormat {
	return responseFormat{cookies: true, limit: responseLimit, limitOf: "Lambda"}
}

func (httpAPI) request(e *envelope) (wireRequest, error) {
	w, err := payloadV2(e)
	w.decoded = true
	w.stage = namedStage(e.context.stage)
	return w, err
}

// payloadV2 reads what HTTP APIs and Function URLs have in common.
func payloadV2(e *envelope) (wireRequest, error) {
	w := wireRequest{
		method:   e.context.method,
		path:     e.rawPath,
		rawQuery: e.rawQuery,
		host:     e.context.domainName,
		client:   e.context.sourceIP,
		https:    true,
	}
	var err error
	if w.header, err = readHeader(e.headers, ""); err != nil {
		return w, err
	}
	if err = w.header.addCookies(e.cookies); err != nil {
		return w, err
	}
	if w.certificate, err = readAuthentication(e.context.authentication); err != nil {
		return w, err
	}
	w.authorizer, err = readAuthorizerV2(e.context.authorizer)
	return w, err
}
