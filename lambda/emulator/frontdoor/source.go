package frontdoor

import (
	"fmt"
	"strings"
)

// A Source is one of the AWS services that turn HTTP requests into events.
type Source string

// The sources. Their values are the names that [ParseSource] accepts.
const (
	// RESTAPI is an API Gateway REST API with Lambda proxy integration.
	RESTAPI Source = "rest-api"
	// HTTPAPI is an API Gateway HTTP API with payload format 2.0.
	HTTPAPI Source = "http-api"
	// HTTPAPIv1 is an API Gateway HTTP API with payload format 1.0.
	HTTPAPIv1 Source = "http-api-v1"
	// ALB is an Application Load Balancer.
	ALB Source = "alb"
	// ALBMulti is an Application Load Balancer whose target group has
	// lambda.multi_value_headers.enabled.
	ALBMulti Source = "alb-multi"
	// FunctionURL is a Lambda function URL.
	FunctionURL Source = "function-url"
	// VPCLattice is a VPC Lattice service whose target group uses version V2 of
	// the event structure.
	VPCLattice Source = "vpc-lattice"
	// VPCLatticeV1 is a VPC Lattice service whose target group uses version V1
	// of the event structure.
	VPCLatticeV1 Source = "vpc-lattice-v1"
)

// IsAPI reports whether s is an API of API Gateway, which has stages and base
// paths.
func (s Source) IsAPI() bool { return s == RESTAPI || s == HTTPAPI || s == HTTPAPIv1 }

// Streams reports whether s can stream responses.
func (s Source) Streams() bool { return s == RESTAPI || s == FunctionURL }

// Authorizes reports whether s can pass on the caller that an authorizer has
// identified.
func (s Source) Authorizes() bool { return s.IsAPI() || s == FunctionURL || s == VPCLattice }

// Sources returns all sources.
func Sources() []Source {
	return []Source{RESTAPI, HTTPAPI, HTTPAPIv1, ALB, ALBMulti, FunctionURL, VPCLattice, VPCLatticeV1}
}

// ParseSource returns the source with the given name. The error for an unknown
// name lists the known ones.
func ParseSource(name string) (Source, error) {
	var names []string
	for _, s := range Sources() {
		if string(s) == name {
			return s, nil
		}
		names = append(names, string(s))
	}
	return "", fmt.Errorf("frontdoor: unknown source %q, want one of %s", name, strings.Join(names, ", "))
}
