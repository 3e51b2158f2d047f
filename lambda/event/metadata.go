package event

import (
	"context"
	"iter"
	"slices"
	"strings"
)

// MetadataPrefix is the prefix of the keys of [Info.Metadata]. A Handler removes
// headers with this prefix from every request, in any case, with underscores for
// dashes, and after a Grpc-Metadata-. A client can therefore set none of them.
const MetadataPrefix = "x-lambda-event-"

// Metadata yields the [Info.Metadata] of a request, or nothing outside a Lambda
// invocation. ctx is the request's context or derives from it. Pass Metadata to
// service.WithReservedMetadata.
func Metadata(ctx context.Context) iter.Seq2[string, string] {
	info, _ := FromContext(ctx)
	return info.Metadata()
}

// Metadata yields the info as key and value pairs that are valid gRPC metadata,
// always in the same order. All keys begin with [MetadataPrefix]:
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
//	x-lambda-event-trace-id
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
// [Info] has the others.
//
// Empty values are left out. A value that is not printable ASCII, or begins or
// ends with a space, has -bin appended to its key, so gRPC carries it as bytes.
func (info Info) Metadata() iter.Seq2[string, string] {
	coldStart := ""
	if info.ColdStart {
		coldStart = "true"
	}
	return func(yield func(key, value string) bool) {
		var certificate ClientCertificate
		if info.ClientCertificate != nil {
			certificate = *info.ClientCertificate
		}
		pairs := [...]struct{ key, value string }{
			{MetadataPrefix + "source", string(info.Source)},
			{MetadataPrefix + "request-id", info.RequestID},
			{MetadataPrefix + "invocation-id", info.InvocationID},
			{MetadataPrefix + "client-address", info.ClientAddress},
			{MetadataPrefix + "stage", info.Stage},
			{MetadataPrefix + "api-id", info.APIID},
			{MetadataPrefix + "account-id", info.AccountID},
			{MetadataPrefix + "function-arn", info.FunctionARN},
			{MetadataPrefix + "tenant-id", info.TenantID},
			{MetadataPrefix + "trace-id", info.TraceID},
			{MetadataPrefix + "route-key", info.RouteKey},
			{MetadataPrefix + "api-key-id", info.APIKeyID},
			{MetadataPrefix + "service-network-arn", info.Lattice.ServiceNetworkARN},
			{MetadataPrefix + "service-arn", info.Lattice.ServiceARN},
			{MetadataPrefix + "source-vpc-arn", info.Lattice.SourceVPCARN},
			{MetadataPrefix + "client-cert-subject", certificate.Subject},
			{MetadataPrefix + "client-cert-issuer", certificate.Issuer},
			{MetadataPrefix + "client-cert-serial", certificate.SerialNumber},
			{MetadataPrefix + "cold-start", coldStart},
			{MetadataPrefix + "authorizer-type", string(info.Authorizer.Type)},
			{MetadataPrefix + "authorizer-principal", info.Authorizer.Principal},
		}
		for _, p := range pairs {
			if !yieldPair(yield, p.key, p.value) {
				return
			}
		}
		for _, scope := range info.Authorizer.Scopes {
			if !yieldPair(yield, MetadataPrefix+"authorizer-scope", scope) {
				return
			}
		}
		if len(info.Authorizer.Claims) > 0 {
			yield(MetadataPrefix+"authorizer-claims", claimsJSON(info.Authorizer.Claims))
		}
	}
}

func yieldPair(yield func(key, value string) bool, key, value string) bool {
	switch {
	case value == "":
		return true
	case !printable(value):
		return yield(key+"-bin", value)
	}
	return yield(key, value)
}

// printable reports whether gRPC carries s unchanged under a key without -bin.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return strings.TrimSpace(s) == s
}

// claimsJSON returns claims as a JSON object in ASCII, sorted by key.
func claimsJSON(claims map[string]string) string {
	names := make([]string, 0, len(claims))
	for name := range claims {
		names = append(names, name)
	}
	slices.Sort(names)
	out := []byte{'{'}
	for i, name := range names {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendQuoted(out, name, true)
		out = append(out, ':')
		out = appendQuoted(out, claims[name], true)
	}
	return string(append(out, '}'))
}
