package frontdoor

import (
	"log/slog"
	"strings"
	"time"
)

// An Option configures the handler that [New] returns.
type Option func(*door)

// WithStage sets the stage of an API and serves it as on the API's own domain:
// the path of every URL begins with the stage. Together with [WithBasePath], it
// only sets the name of the stage.
//
// By default the API is served as on a custom domain without a base path. The
// default stage is "prod" for a REST API and "$default" for an HTTP API.
func WithStage(name string) Option { return func(d *door) { d.stage = name } }

// WithBasePath serves an API as on a custom domain with a base path mapping: the
// path of every URL begins with basePath. Payload 1.0 passes the base path to the
// function; payload 2.0 removes it.
func WithBasePath(basePath string) Option {
	return func(d *door) { d.basePath = "/" + strings.Trim(basePath, "/") }
}

// WithStreaming streams responses. It stands for the RESPONSE_STREAM invoke mode
// of a function URL and the STREAM response transfer mode of a REST API.
func WithStreaming() Option { return func(d *door) { d.streaming = true } }

// WithBinaryMediaTypes sets the binaryMediaTypes of a REST API, such as
// "image/*". The default is "*/*", which passes every body unchanged; AWS's own
// default is none, as WithBinaryMediaTypes() sets it. Other sources have no such
// types.
func WithBinaryMediaTypes(types ...string) Option {
	return func(d *door) { d.binaryTypes = append([]string{}, types...) }
}

// WithAuthorizer sets an authorizer that checks each request. Load balancers and
// version 1 of VPC Lattice's events do not support one. The events of function
// URLs and VPC Lattice carry only the IAM identity.
func WithAuthorizer(a Authorizer) Option { return func(d *door) { d.authorizer = a } }

// WithTimeout sets how long an API waits for a response. It must be positive. The
// default is 29 s for a REST API and 30 s for an HTTP API. Other sources, and APIs
// that stream, have no timeout but that of the function.
func WithTimeout(timeout time.Duration) Option { return func(d *door) { d.timeout = &timeout } }

// WithLogger sets a logger that receives, at warn level, the cause of each error
// response of the source. The response itself does not give the cause.
func WithLogger(logger *slog.Logger) Option { return func(d *door) { d.logger = logger } }

// WithRegion sets the AWS region in the events' domain names and ARNs, which are
// those of the aws partition. The default is the region of fn if it is an
// [emulator.Function], and "us-east-1" otherwise.
func WithRegion(region string) Option { return func(d *door) { d.region = region } }

// WithAccountID sets the AWS account ID in events, which has twelve digits. The
// default is the account of fn if it is an [emulator.Function], and
// "123456789012" otherwise.
func WithAccountID(id string) Option { return func(d *door) { d.accountID = id } }
