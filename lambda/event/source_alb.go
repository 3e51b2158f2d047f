package event

import "strings"

// loadBalancer is an Application Load Balancer. Its path and its query are as
// the client sent them. Whether it has all values of a header and of a query
// parameter or only the last one, and which of the two it reads in a response,
// is an attribute of the target group.
type loadBalancer struct{ multi bool }

// detectLoadBalancer goes by requestContext.elb.
func detectLoadBalancer(e *envelope) (source, bool) {
	return loadBalancer{multi: e.multiHeaders != ""}, e.context.elb != "" && e.httpMethod != ""
}

func (loadBalancer) name() Source { return ALB }

func (l loadBalancer) responseFormat() responseFormat {
	return responseFormat{multi: l.multi, description: true, limit: albResponseLimit, limitOf: "a load balancer"}
}

// request takes the client's address from the end of X-Forwarded-For, the only
// part that the load balancer wrote: what is before it came with the request.
func (l loadBalancer) request(e *envelope) (wireRequest, error) {
	w := wireRequest{method: e.httpMethod, path: e.path}
	var err error
	if w.header, err = readHeader(e.headers, e.multiHeaders); err != nil {
		return w, err
	}
	w.client = lastElement(w.header.last("X-Forwarded-For"))
	w.https = lastElement(w.header.last("X-Forwarded-Proto")) == "https"
	w.rawQuery, err = readQuery(e.query, e.multiQuery, encodedQuery)
	return w, err
}

func lastElement(list string) string {
	return strings.TrimSpace(list[strings.LastIndexByte(list, ',')+1:])
}
