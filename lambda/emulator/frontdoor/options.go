package frontdoor

import (
	"log/slog"
	"strings"
	"time"
)

// An Option changes what [New] returns.
type Option func(*door)

// WithStage names the stage of an API and has it served as on the API's own
// domain: the path of every URL begins with the stage. Together with
// [WithBasePath] it only names it. By default the API is served as on a custom
// domain mapped to its root, from the stage "prod" for a REST API and $default
// for an HTTP API.
func WithStage(name string) Option { return func(d *door) { d.stage = name } }

// WithBasePath serves an API as on a custom domain with a mapping: the path of
// every URL begins with basePath. Payload 1.0 passes it on to the function,
// payload 2.0 removes it.
func WithBasePath(basePath string) Option {
	return func(d *door) { d.basePath = "/" + strings.Trim(basePath, "/") }
}

// WithStreaming has answers streamed: the RESPONSE_STREAM invoke mode of a
// function URL, the STREAM response transfer mode of a REST API.
func WithStreaming() Option { return func(d *door) { d.streaming = true } }

// WithBinaryMediaTypes sets the binaryMediaTypes of a REST API, such as
// "image/*". The default is "*/*", with which every body arrives as it was
// sent; AWS's own default is none.
func WithBinaryMediaTypes(types ...string) Option {
	return func(d *door) { d.binaryTypes = types }
}

// WithAuthorizer puts an authorizer in front of the function. A load balancer
// has none, version 1 of VPC Lattice's events does not tell of one, and function
// URLs and VPC Lattice know IAM alone.
func WithAuthorizer(a Authorizer) Option { return func(d *door) { d.authorizer = a } }

// WithTimeout replaces the time that an API waits for an answer: 29 s for a
// REST API, 30 s for an HTTP API. The other sources
// wait for the function's own timeout, and so do streamed answers.
func WithTimeout(timeout time.Duration) Option { return func(d *door) { d.timeout = timeout } }

// WithLogger logs at warn level why a request was answered with an error of
// the source's own, which does not say it.
func WithLogger(logger *slog.Logger) Option { return func(d *door) { d.logger = logger } }

// WithRegion sets the AWS region that events name in domain names and ARNs, of
// the aws partition. The default is the region of fn if it is an
// [emulator.Function], and "us-east-1" otherwise.
func WithRegion(region string) Option { return func(d *door) { d.region = region } }

// WithAccountID sets the AWS account that events name, twelve digits. The
// default is the account of fn if it is an [emulator.Function], and
// "123456789012" otherwise.
func WithAccountID(id string) Option { return func(d *door) { d.accountID = id } }
