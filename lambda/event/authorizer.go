package event

// AuthorizerType says what authorized a request.
type AuthorizerType string

// The kinds of authorizer whose findings events have.
const (
	JWTAuthorizer    AuthorizerType = "jwt"    // a JWT authorizer, or a Cognito user pool
	LambdaAuthorizer AuthorizerType = "lambda" // a function of the API's owner
	IAMAuthorizer    AuthorizerType = "iam"    // a request signed with AWS credentials
)

// Authorizer is what an authorizer in front of the function found. The zero
// value means that there was none.
type Authorizer struct {
	Type AuthorizerType

	// Principal is who makes the request: the claim sub of a JWT, the
	// principalId that a Lambda authorizer returned, the ARN of an IAM user or
	// role.
	Principal string

	// Scopes are the scopes of a JWT that the route asks for, if it does.
	Scopes []string

	// Claims are the claims of a JWT, the context that a Lambda authorizer
	// returned, or what an event has of an IAM identity (accountId, userArn,
	// ...). A value that is not a string is here as its JSON text.
	Claims map[string]string
}

// readAuthorizer reads requestContext.authorizer, which payload 2.0 divides by
// type, and the IAM identity that payload 1.0 has in requestContext.identity.
func readAuthorizer(c *requestContext) (Authorizer, error) {
	if c.method != "" {
		return readAuthorizerV2(c.authorizer)
	}
	a, err := readAuthorizerV1(c.authorizer)
	if err != nil || a.Type != "" {
		return a, err
	}
	return readIdentity(c.identity)
}

func readAuthorizerV2(raw string) (Authorizer, error) {
	var a Authorizer
	if raw == "" {
		return a, nil
	}
	p := parser{s: raw}
	p.object(func(key string) {
		switch value := p.raw(); {
		case value == "" || p.err != nil:
		case key == "jwt":
			a, p.err = readJWT(value)
		case key == "lambda":
			a.Type = LambdaAuthorizer
			a.Claims, p.err = readClaims(value)
			a.Principal = a.Claims["principalId"]
		case key == "iam":
			a.Type = IAMAuthorizer
			a.Claims, p.err = readClaims(value)
			a.Principal = a.Claims["userArn"]
		}
	})
	return a, p.err
}

// readAuthorizerV1 tells a JWT from what a Lambda authorizer returned by the
// claims, an object: what the latter returns are strings, numbers and booleans.
func readAuthorizerV1(raw string) (Authorizer, error) {
	if raw == "" {
		return Authorizer{}, nil
	}
	jwt := false
	p := parser{s: raw}
	p.object(func(key string) {
		jwt = jwt || key == "claims" && p.peek() == '{'
		p.skip()
	})
	if p.err != nil || jwt {
		return readJWT(raw)
	}
	claims, err := readClaims(raw)
	if err != nil || len(claims) == 0 {
		return Authorizer{}, err
	}
	return Authorizer{Type: LambdaAuthorizer, Principal: claims["principalId"], Claims: claims}, nil
}

// readJWT reads an object that has claims and scopes.
func readJWT(raw string) (Authorizer, error) {
	a := Authorizer{Type: JWTAuthorizer}
	p := parser{s: raw}
	p.object(func(key string) {
		switch key {
		case "claims":
			if value := p.raw(); p.err == nil {
				a.Claims, p.err = readClaims(value)
			}
		case "scopes":
			p.array(func() { a.Scopes = append(a.Scopes, p.text()) })
		default:
			p.skip()
		}
	})
	a.Principal = a.Claims["sub"]
	return a, p.err
}

// readIdentity finds out whether a request was signed, which an identity with
// an access key or an ARN in it was. What an identity says of any request is
// not part of the result.
func readIdentity(raw string) (Authorizer, error) {
	claims, err := readClaims(raw)
	if err != nil || claims["accessKey"] == "" && claims["userArn"] == "" && claims["cognitoIdentityId"] == "" {
		return Authorizer{}, err
	}
	for _, name := range []string{"sourceIp", "userAgent", "apiKey", "apiKeyId", "clientCert"} {
		delete(claims, name)
	}
	return Authorizer{Type: IAMAuthorizer, Principal: claims["userArn"], Claims: claims}, nil
}

// readClaims reads the members of an object, without those that are null.
func readClaims(raw string) (map[string]string, error) {
	if raw == "" {
		return nil, nil
	}
	claims := make(map[string]string)
	p := parser{s: raw}
	p.object(func(key string) {
		switch {
		case p.peek() == '"':
			claims[key] = p.quoted()
		case !p.null():
			claims[key] = p.raw()
		}
	})
	return claims, p.err
}
