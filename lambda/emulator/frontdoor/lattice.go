package frontdoor

import (
	"net"
	"net/http"
	"strconv"
	"strings"
)

// latticeV2 is version 2 of the event structure of VPC Lattice, and latticeV1 is
// version 1: VPC Lattice user guide, "Lambda functions as targets in VPC
// Lattice". The path includes the query, which the guide does not say but
// captured events show.
type latticeV2 struct {
	Version         string              `json:"version"`
	Path            string              `json:"path"`
	Method          string              `json:"method"`
	Headers         map[string][]string `json:"headers"`
	Query           map[string][]string `json:"queryStringParameters,omitempty"`
	Body            *string             `json:"body"`
	IsBase64Encoded bool                `json:"isBase64Encoded"`
	RequestContext  latticeContext      `json:"requestContext"`
}

type latticeV1 struct {
	RawPath         string            `json:"raw_path"`
	Method          string            `json:"method"`
	Headers         map[string]string `json:"headers"`
	Query           map[string]string `json:"query_string_parameters"`
	Body            *string           `json:"body"`
	IsBase64Encoded bool              `json:"is_base64_encoded"`
}

type latticeContext struct {
	ServiceNetworkARN string          `json:"serviceNetworkArn"`
	ServiceARN        string          `json:"serviceArn"`
	TargetGroupARN    string          `json:"targetGroupArn"`
	Identity          latticeIdentity `json:"identity"`
	Region            string          `json:"region"`
	TimeEpoch         string          `json:"timeEpoch"` // microseconds
}

type latticeIdentity struct {
	SourceVPCARN string `json:"sourceVpcArn"`
	Type         string `json:"type,omitempty"`
	Principal    string `json:"principal,omitempty"`
	SessionName  string `json:"sessionName,omitempty"`
}

// latticeEvent returns the event of VPC Lattice, which passes path and query as
// the client sent them and removes x-amzn-lattice headers of the client.
func (d *door) latticeEvent(in *incoming) any {
	headers := withoutHopByHop(in.latticeHeaders())
	path := in.path
	if in.URL.RawQuery != "" {
		path += "?" + in.URL.RawQuery
	}
	query := queryFields(in.URL.RawQuery, true)
	var body *string
	inBase64 := len(in.body) > 0 && d.inBase64(in)
	if len(in.body) > 0 {
		text := bodyField(in.body, inBase64)
		body = &text
	}
	if d.source == VPCLatticeV1 {
		return latticeV1{
			RawPath: path, Method: in.Method, Headers: joinedValues(lowerCase(headers)), Query: lastValues(query),
			Body: body, IsBase64Encoded: inBase64,
		}
	}
	return latticeV2{
		Version: "2.0", Path: path, Method: in.Method, Headers: lowerCase(headers), Query: query,
		Body: body, IsBase64Encoded: inBase64, RequestContext: d.latticeContext(in),
	}
}

// latticeHeaders returns the headers of the event, including those that VPC
// Lattice adds: VPC Lattice user guide, "HTTP targets in VPC Lattice".
func (in *incoming) latticeHeaders() http.Header {
	scheme, port := in.listener()
	h := in.headers(scheme, port)
	for _, name := range []string{"X-Amzn-Trace-Id", "X-Forwarded-Port", "X-Forwarded-Proto"} {
		h[name] = in.Header[name]
	}
	for name := range h {
		if strings.HasPrefix(name, "X-Amzn-Lattice-") || len(h[name]) == 0 {
			delete(h, name)
		}
	}
	h.Set("X-Forwarded-For-Proto", scheme)
	h.Set("X-Forwarded-For-Port", port)
	return h
}

// listener returns the scheme and the port that the client connected to.
func (in *incoming) listener() (scheme, port string) {
	scheme, port = "http", "80"
	if in.TLS != nil {
		scheme, port = "https", "443"
	}
	if addr, ok := in.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok {
		port = strconv.Itoa(addr.Port)
	}
	return scheme, port
}

func (d *door) latticeContext(in *incoming) latticeContext {
	arn := "arn:aws:vpc-lattice:" + d.region + ":" + d.accountID + ":"
	c := latticeContext{
		ServiceNetworkARN: arn + "servicenetwork/sn-0123456789abcdef0",
		ServiceARN:        arn + "service/svc-0123456789abcdef0",
		TargetGroupARN:    arn + "targetgroup/tg-0123456789abcdef0",
		Identity:          latticeIdentity{SourceVPCARN: "arn:aws:ec2:" + d.region + ":" + d.accountID + ":vpc/vpc-0123456789abcdef0"},
		Region:            d.region,
		TimeEpoch:         strconv.FormatInt(in.received.UnixMicro(), 10),
	}
	if iam := in.authorized.IAM; iam != nil {
		c.Identity.Type, c.Identity.Principal = "AWS_IAM", iam.UserARN
		if strings.Contains(iam.UserARN, ":assumed-role/") {
			c.Identity.SessionName = iam.UserARN[strings.LastIndexByte(iam.UserARN, '/')+1:]
		}
	}
	return c
}
