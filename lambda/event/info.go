package event

import (
	"cmp"
	"context"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// Info is the information about a request that AWS adds to HTTP. A client cannot
// forge it. Some values come from the request nevertheless: TraceID may continue
// the client's trace, PathParameters and RequestContext have parts of the request,
// and an authorizer may pass on what the client sent. A field that the source does
// not send is empty.
type Info struct {
	Source Source

	// RequestID is the source's id of the request. Load balancers have none, so
	// it is Lambda's id there.
	RequestID string

	// InvocationID is Lambda's id of the request, which is also in the function's
	// START and REPORT log lines.
	InvocationID string

	// ClientAddress is the IP address of the client, without a port. Behind a
	// load balancer and VPC Lattice it is the last address in X-Forwarded-For.
	// The load balancer must therefore append to that header, which is its
	// default.
	ClientAddress string

	Stage       string // of API Gateway
	APIID       string // of API Gateway or the Function URL
	AccountID   string // the AWS account of the API
	FunctionARN string // as invoked, with the alias or version if there was one
	TenantID    string // of a function with tenant isolation
	TraceID     string // the value of the X-Ray trace header

	// RouteKey is the key of an HTTP API's route, such as "GET /v1/{id}", or the
	// path of a REST API's resource, such as "/v1/{proxy+}".
	RouteKey string

	// APIKeyID is the id, not the value, of the API key of a REST API.
	APIKeyID string

	// ColdStart is true for the first request that the Handler serves.
	ColdStart bool

	// Authorizer is the zero value if the request was not authorized by AWS.
	Authorizer Authorizer

	// ClientCertificate is nil unless API Gateway uses mutual TLS. Load balancers
	// put the certificate into headers (X-Amzn-Mtls-Clientcert and others), which
	// a client can forge if mutual TLS is off.
	ClientCertificate *ClientCertificate

	// Lattice is set by version 2 of VPC Lattice's event structure.
	Lattice Lattice

	PathParameters Variables // of the route in API Gateway
	StageVariables Variables // of the stage in API Gateway

	// RequestContext is the event's requestContext, a JSON object. It refers to
	// the event and so keeps the event, without a large body, in memory.
	RequestContext string
}

// Lattice describes the path of a request through VPC Lattice.
type Lattice struct {
	ServiceNetworkARN string
	ServiceARN        string
	SourceVPCARN      string // of the VPC that the request came from
}

type infoKey struct{}

// NewContext returns a context that carries info, for tests of code that
// calls [FromContext].
func NewContext(ctx context.Context, info Info) context.Context {
	return context.WithValue(ctx, infoKey{}, &carried{Info: &info})
}

// FromContext returns the Info of a request. ctx is the request's context or
// derives from it. FromContext reports false outside a Lambda invocation, for
// example in a local server. The maps, slices and certificate in the Info are
// shared; do not change them.
func FromContext(ctx context.Context) (Info, bool) {
	c, ok := ctx.Value(infoKey{}).(*carried)
	if !ok {
		return Info{}, false
	}
	return *c.Info, true
}

// newInfo returns the Info of a request.
func newInfo(ctx context.Context, src source, e *envelope, w *wireRequest, client string) *Info {
	info := &Info{
		Source:        src.name(),
		RequestID:     e.context.requestID,
		ClientAddress: client,
		Stage:         e.context.stage,
		APIID:         e.context.apiID,
		AccountID:     e.context.accountID,
		RouteKey:      e.context.routeKey,
		APIKeyID:      w.apiKeyID,
		Authorizer:    w.authorizer,

		ClientCertificate: w.certificate,
		Lattice:           Lattice{e.context.serviceNetworkARN, e.context.serviceARN, w.sourceVPC},
		PathParameters:    Variables(e.pathParameters),
		StageVariables:    Variables(e.stageVariables),
		RequestContext:    e.contextText,
	}
	switch info.Source {
	case RESTAPI:
		info.RouteKey = cmp.Or(e.context.resourcePath, e.resource)
	case HTTPAPIv1:
		info.RouteKey = e.context.resourceID
	}
	info.addInvocation(ctx)
	if info.RequestID == "" {
		info.RequestID = info.InvocationID
	}
	return info
}

// addInvocation adds what Lambda says about the invocation, whatever its source.
func (info *Info) addInvocation(ctx context.Context) {
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		info.InvocationID = lc.AwsRequestID
		info.FunctionARN = lc.InvokedFunctionArn
		info.TenantID = lc.TenantID
	}
	info.TraceID, _ = ctx.Value("x-amzn-trace-id").(string) // set by aws-lambda-go
}
