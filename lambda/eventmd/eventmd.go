// Package eventmd passes the facts of a Lambda event to gRPC handlers as metadata.
// Package event puts them into an [event.Info] in the request's context, and
// [FromContext] yields them to service.WithReservedMetadata. Packages event and
// service do not import each other.
package eventmd

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/internal/mdkey"
)

// Prefix is the prefix of the keys that [FromContext] yields. No client can set
// such a key: an [event.Handler] removes the headers, and a service.Service removes
// the metadata of calls from elsewhere.
const Prefix = event.HeaderPrefix

// FromContext yields the [event.Info] of a request as keys and values that are
// valid gRPC metadata, always in the same order. ctx is the request's context or
// derives from it; without an Info, FromContext yields nothing. Pass FromContext to
// service.WithReservedMetadata; function.Main and server.Main do so. The keys are:
//
//	x-lambda-event-source                rest-api, http-api, http-api-v1, alb, function-url,
//	                                     vpc-lattice or vpc-lattice-v1; or a trigger's source
//	x-lambda-event-request-id
//	x-lambda-event-invocation-id
//	x-lambda-event-client-address
//	x-lambda-event-stage
//	x-lambda-event-api-id
//	x-lambda-event-account-id
//	x-lambda-event-function-arn
//	x-lambda-event-tenant-id
//	x-lambda-event-trace-id              may continue the client's trace
//	x-lambda-event-route-key
//	x-lambda-event-api-key-id
//	x-lambda-event-service-network-arn   of VPC Lattice, like the next two
//	x-lambda-event-service-arn
//	x-lambda-event-source-vpc-arn
//	x-lambda-event-client-cert-subject   of mutual TLS, like the next two
//	x-lambda-event-client-cert-issuer
//	x-lambda-event-client-cert-serial
//	x-lambda-event-cold-start            true for the first request, otherwise absent
//	x-lambda-event-authorizer-type       jwt, lambda or iam
//	x-lambda-event-authorizer-principal
//	x-lambda-event-authorizer-scope      once for each scope
//	x-lambda-event-authorizer-claims     one JSON object of strings, in ASCII
//
// Path parameters, stage variables, the certificate itself and the request
// context are not metadata. The request message has the parameters, and the
// Info has the others.
//
// Empty values are left out. A value that is not printable ASCII, or begins or
// ends with a space, has -bin appended to its key, so gRPC carries it as bytes.
func FromContext(ctx context.Context) iter.Seq2[string, string] {
	info, _ := event.FromContext(ctx)
	coldStart := ""
	if info.ColdStart {
		coldStart = "true"
	}
	return func(yield func(key, value string) bool) {
		var certificate event.ClientCertificate
		if info.ClientCertificate != nil {
			certificate = *info.ClientCertificate
		}
		pairs := [...]struct{ key, value string }{
			{Prefix + "source", string(info.Source)},
			{Prefix + "request-id", info.RequestID},
			{Prefix + "invocation-id", info.InvocationID},
			{Prefix + "client-address", info.ClientAddress},
			{Prefix + "stage", info.Stage},
			{Prefix + "api-id", info.APIID},
			{Prefix + "account-id", info.AccountID},
			{Prefix + "function-arn", info.FunctionARN},
			{Prefix + "tenant-id", info.TenantID},
			{Prefix + "trace-id", info.TraceID},
			{Prefix + "route-key", info.RouteKey},
			{Prefix + "api-key-id", info.APIKeyID},
			{Prefix + "service-network-arn", info.Lattice.ServiceNetworkARN},
			{Prefix + "service-arn", info.Lattice.ServiceARN},
			{Prefix + "source-vpc-arn", info.Lattice.SourceVPCARN},
			{Prefix + "client-cert-subject", certificate.Subject},
			{Prefix + "client-cert-issuer", certificate.Issuer},
			{Prefix + "client-cert-serial", certificate.SerialNumber},
			{Prefix + "cold-start", coldStart},
			{Prefix + "authorizer-type", string(info.Authorizer.Type)},
			{Prefix + "authorizer-principal", info.Authorizer.Principal},
		}
		for _, p := range pairs {
			if !yieldPair(yield, p.key, p.value) {
				return
			}
		}
		for _, scope := range info.Authorizer.Scopes {
			if !yieldPair(yield, Prefix+"authorizer-scope", scope) {
				return
			}
		}
		if len(info.Authorizer.Claims) > 0 {
			yield(Prefix+"authorizer-claims", claimsJSON(info.Authorizer.Claims))
		}
	}
}

func yieldPair(yield func(key, value string) bool, key, value string) bool {
	return value == "" || yield(mdkey.For(key, value), value)
}

// claimsJSON returns claims as a JSON object in ASCII, sorted by name.
func claimsJSON(claims map[string]string) string {
	out := []byte{'{'}
	for i, name := range slices.Sorted(maps.Keys(claims)) {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendQuoted(out, name)
		out = append(out, ':')
		out = appendQuoted(out, claims[name])
	}
	return string(append(out, '}'))
}

// appendQuoted appends s as a JSON string in ASCII. Invalid UTF-8 becomes U+FFFD.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for _, r := range s {
		high, low := utf16.EncodeRune(r)
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case ' ' <= r && r <= '~':
			dst = append(dst, byte(r))
		case high != utf8.RuneError:
			dst = fmt.Appendf(dst, `\u%04x\u%04x`, high, low)
		default:
			dst = fmt.Appendf(dst, `\u%04x`, r)
		}
	}
	return append(dst, '"')
}
