package frontdoor

// albEvent is the event of a load balancer: Elastic Load Balancing, "Use Lambda
// functions as targets of an Application Load Balancer". It has either the
// single-value maps or the multi-value maps, never both.
type albEvent struct {
	RequestContext    albContext           `json:"requestContext"`
	HTTPMethod        string               `json:"httpMethod"`
	Path              string               `json:"path"`
	Query             *map[string]string   `json:"queryStringParameters,omitempty"`
	MultiValueQuery   *map[string][]string `json:"multiValueQueryStringParameters,omitempty"`
	Headers           map[string]string    `json:"headers,omitempty"`
	MultiValueHeaders map[string][]string  `json:"multiValueHeaders,omitempty"`
	Body              string               `json:"body"`
	IsBase64Encoded   bool                 `json:"isBase64Encoded"`
}

type albContext struct {
	ELB struct {
		TargetGroupARN string `json:"targetGroupArn"`
	} `json:"elb"`
}

// albEvent returns the event of a load balancer, which passes path and query as
// the client sent them. Without multi-value headers, the last of several values
// counts.
func (d *door) albEvent(in *incoming) albEvent {
	scheme, port := in.listener()
	e := albEvent{HTTPMethod: in.Method, Path: in.path}
	e.RequestContext.ELB.TargetGroupARN =
		"arn:aws:elasticloadbalancing:" + d.region + ":" + d.accountID + ":targetgroup/" + d.apiID + "/0123456789abcdef"
	headers := lowerCase(in.headers(scheme, port))
	query := queryFields(in.URL.RawQuery, false)
	if query == nil {
		query = map[string][]string{}
	}
	if d.source == ALBMulti {
		e.MultiValueHeaders, e.MultiValueQuery = headers, &query
	} else {
		single := lastValues(query)
		e.Headers, e.Query = lastValues(headers), &single
	}
	if len(in.body) > 0 {
		e.IsBase64Encoded = d.inBase64(in)
		e.Body = bodyField(in.body, e.IsBase64Encoded)
	}
	return e
}
