package frontdoor

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// Authorized is an authorizer's information about a caller. The event carries it
// in the format of its source.
type Authorized struct {
	// Claims and Scopes are those of a JWT, from an HTTP API's JWT authorizer or
	// a REST API's Cognito authorizer, which passes no scopes. API Gateway passes
	// every claim as a string.
	Claims map[string]string `json:"claims"`
	Scopes []string          `json:"scopes"`

	// IAM is the identity that signed the request, or nil.
	IAM *IAMIdentity `json:"iam"`

	// Context and PrincipalID are the context and the principal that a Lambda
	// authorizer returned. Payload 1.0 passes each value of Context as a string.
	Context     map[string]any `json:"context"`
	PrincipalID string         `json:"principalId"`
}

// ReadAuthorized reads an Authorized from a JSON document, such as
//
//	{"claims": {"sub": "ann", "email": "ann@example.com"}, "scopes": ["orders.write"]}
//
// Unknown names are an error.
func ReadAuthorized(r io.Reader) (Authorized, error) {
	var a Authorized
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil {
		return Authorized{}, fmt.Errorf("frontdoor: want a JSON object with claims, scopes, iam, context or principalId: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Authorized{}, errors.New("frontdoor: want one JSON object, found more data after it")
	}
	return a, nil
}

// An IAMIdentity is the caller of a request that was signed with AWS credentials.
type IAMIdentity struct {
	AccessKey string `json:"accessKey"`
	AccountID string `json:"accountId"`
	CallerID  string `json:"callerId"`
	UserARN   string `json:"userArn"`
	UserID    string `json:"userId"`
}

// An Authorizer decides whether a request may reach the function. If it returns
// false, the client gets the source's own error response. It is called
// concurrently and must not read the request's body.
type Authorizer func(*http.Request) (Authorized, bool)

// payloadV1 returns requestContext.authorizer of payload 1.0, or nil if it is
// empty.
func (a Authorized) payloadV1(source Source) map[string]any {
	fields := make(map[string]any)
	for key, value := range a.Context {
		fields[key] = fmt.Sprint(value)
	}
	if a.PrincipalID != "" {
		fields["principalId"] = a.PrincipalID
	}
	if a.Claims != nil {
		fields["claims"] = a.Claims
		if source == HTTPAPIv1 {
			fields["scopes"] = a.Scopes
		}
	}
	if len(fields) == 0 {
		return nil
	}
	return fields
}

// authorizerV2 is requestContext.authorizer in payload 2.0.
type authorizerV2 struct {
	JWT    *jwtV2         `json:"jwt,omitempty"`
	Lambda map[string]any `json:"lambda,omitempty"`
	IAM    *IAMIdentity   `json:"iam,omitempty"`
}

type jwtV2 struct {
	Claims map[string]string `json:"claims"`
	Scopes []string          `json:"scopes"` // null if the token has none
}

func (a Authorized) payloadV2() *authorizerV2 {
	out := authorizerV2{Lambda: a.Context, IAM: a.IAM}
	if a.Claims != nil {
		out.JWT = &jwtV2{Claims: a.Claims, Scopes: a.Scopes}
	}
	if out.JWT == nil && out.Lambda == nil && out.IAM == nil {
		return nil
	}
	return &out
}
