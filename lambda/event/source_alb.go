package event

import "strings"

// loadBalancer is an Application Load Balancer. It sends the path and the query
// as the client sent them. An attribute of the target group, multi, decides
// whether events and responses have all values of a header or query parameter,
// or only the last one.
type loadBalancer struct{ multi bool }

// detectLoadBalancer detects a load balancer by requestContext.elb.
func detectLoadBalancer(e *envelope) (source, bool) {
	return loadBalancer{multi: e.multiHeaders != ""}, e.context.elb != "" && e.httpMethod != ""
}

func (loadBalancer) name() Source { return ALB }

func (l loadBalancer) responseFormat() responseFormat {
	return responseFormat{multi: l.multi, description: true, limit: albResponseLimit, limitOf: "a load balancer"}
}

// request takes the client's address from the end of X-Forwarded-For. The load
// balancer wrote only this part; the client can set the rest.
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
