package event

import (
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
	// must be set to append to that header, which is its default.
	ClientAddress string

	Stage       string // of API Gateway
	APIID       string // of API Gateway or the Function URL
	AccountID   string // the AWS account of the API
	FunctionARN string // as invoked, so with the alias or version if one was named
	TenantID    string // of a function with tenant isolation
	TraceID     string // the value of the X-Ray trace header

	// ColdStart is whether the request is the first one of its Handler, and so
	// of the process.
	ColdStart bool

	// Authorizer is the zero value if the request was not authorized by AWS.
	Authorizer Authorizer
}

type infoKey struct{}

// NewContext returns a context that carries info, for tests of code that
// calls [FromContext].
func NewContext(ctx context.Context, info Info) context.Context {
	return context.WithValue(ctx, infoKey{}, &carried{Info: &info})
}

// FromContext returns the Info of the request whose context ctx is or derives
// from. It reports false outside of a Lambda invocation, in a local server for
// instance. The maps and slices in the Info are shared: do not change them.
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
		Authorizer:    w.authorizer,
	}
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		info.InvocationID = lc.AwsRequestID
		info.FunctionARN = lc.InvokedFunctionArn
		info.TenantID = lc.TenantID
	}
	if info.RequestID == "" {
		info.RequestID = info.InvocationID
	}
	info.TraceID, _ = ctx.Value("x-amzn-trace-id").(string) // set by aws-lambda-go
	return info
}
