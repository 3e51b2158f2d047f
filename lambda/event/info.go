package event

import (
	"cmp"
	"context"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// Info is what an invocation says about a request beyond HTTP. All of it comes
// from AWS: nothing in it was written by the client, other than through an
// authorizer that passed it on. A field that the source does not have is empty.
type Info struct {
	Source Source

	// RequestID is the source's id of the request; for a load balancer, which
	// has none, Lambda's.
	RequestID string

	// InvocationID is Lambda's id of the request, as in the function's own
	// START and REPORT log lines.
	InvocationID string

	// ClientAddress is the IP address of the client, without a port. Behind a
	// load balancer it is the last one of X-Forwarded-For, so the load balancer
	// must be set to append to that header, which is its default. Behind VPC
	// Lattice it is the last one too.
	ClientAddress string

	Stage       string // of API Gateway
	APIID       string // of API Gateway or the Function URL
	AccountID   string // the AWS account of the API
	FunctionARN string // as invoked, so with the alias or version if one was named
	TenantID    string // of a function with tenant isolation
	TraceID     string // the value of the X-Ray trace header

	// RouteKey is the key of an HTTP API's route, such as "GET /v1/{id}", and
	// the path of a REST API's resource, such as "/v1/{proxy+}".
	RouteKey string

	// APIKeyID is the id, not the value, of the API key of a REST API.
	APIKeyID string

	// ColdStart is whether the request is the first one of its Handler, and so
	// of the process.
	ColdStart bool

	// Authorizer is the zero value if the request was not authorized by AWS.
	Authorizer Authorizer

	// ClientCertificate is nil without mutual TLS in API Gateway. Load balancers
	// put the certificate into headers (X-Amzn-Mtls-Clientcert and others), which
	// a client can forge if mutual TLS is off.
	ClientCertificate *ClientCertificate

	// Lattice is what version 2 of VPC Lattice's event structure says about the
	// network.
	Lattice Lattice

	PathParameters Variables // of the route in API Gateway
	StageVariables Variables // of the stage in API Gateway

	// RequestContext is the event's requestContext as it came, a JSON object. It
	// is a part of the event and keeps the event, without a large body, in memory.
	RequestContext string
}

// Lattice is the way of a request through VPC Lattice.
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

// FromContext returns the Info of the request whose context ctx is or derives
// from. It reports false outside of a Lambda invocation, in a local server for
// instance. The maps, the slices and the certificate in the Info
// are shared: do not change them.
func FromContext(ctx context.Context) (Info, bool) {
	c, ok := ctx.Value(infoKey{}).(*carried)
	if !ok {
		return Info{}, false
	}
	return *c.Info, true
}

// newInfo gathers the Info of a request.
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

// addInvocation adds what Lambda says of the invocation, whatever its source.
func (info *Info) addInvocation(ctx context.Context) {
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		info.InvocationID = lc.AwsRequestID
		info.FunctionARN = lc.InvokedFunctionArn
		info.TenantID = lc.TenantID
	}
	info.TraceID, _ = ctx.Value("x-amzn-trace-id").(string) // set by aws-lambda-go
}
