package event

// AuthorizerType is the kind of authorizer that authorized a request.
type AuthorizerType string

// The kinds of authorizers whose results events contain.
const (
	JWTAuthorizer    AuthorizerType = "jwt"    // a JWT authorizer, or a Cognito user pool
	LambdaAuthorizer AuthorizerType = "lambda" // a Lambda function
	IAMAuthorizer    AuthorizerType = "iam"    // a request signed with AWS credentials
)

// Authorizer is the result of an authorizer in front of the function. The zero
// value means that there is no result.
type Authorizer struct {
	Type AuthorizerType

	// Principal identifies the caller: the claim sub of a JWT, the principalId
	// that a Lambda authorizer returned, or the ARN of an IAM user or role.
	Principal string

	// Scopes are the scopes of a JWT that the route requires, if any.
	Scopes []string

	// Claims are the claims of a JWT, the context that a Lambda authorizer
	// returned, or the fields of an IAM identity (accountId, userArn, ...). A
	// value that is not a string is represented by its JSON text.
	Claims map[string]string
}

// readAuthorizerV2 reads requestContext.authorizer of payload 2.0, which has an
// object for each type. An empty object counts as absent.
func readAuthorizerV2(raw string) (Authorizer, error) {
	if raw == "" {
		return Authorizer{}, nil
	}
	var jwt, lambda, iam string
	p := parser{s: raw, at: "requestContext.authorizer"}
	p.object(func(key string) {
		switch value := p.raw(); key {
		case "jwt":
			jwt = value
		case "lambda":
			lambda = value
		case "iam":
			iam = value
		}
	})
	if p.err != nil {
		return Authorizer{}, p.err
	}
	a, err := readJWT("requestContext.authorizer.jwt", jwt)
	if err != nil || a.Type != "" {
		return a, err
	}
	a, err = readLambdaAuthorizer("requestContext.authorizer.lambda", lambda)
	if err != nil || a.Type != "" {
		return a, err
	}
	return readIAM("requestContext.authorizer.iam", iam)
}

// readAuthorizerV1 reads requestContext.authorizer of payload 1.0, or the IAM
// identity in requestContext.identity if the authorizer is empty. It detects a
// JWT by an object called claims or an array called scopes, since a Lambda
// authorizer returns only strings, numbers and booleans.
func readAuthorizerV1(authorizer, identity string) (Authorizer, error) {
	const at = "requestContext.authorizer"
	if authorizer != "" {
		jwt := false
		p := parser{s: authorizer, at: at}
		p.object(func(key string) {
			first := p.peek()
			filled := p.skipFilled()
			jwt = jwt || filled && (key == "claims" && first == '{' || key == "scopes" && first == '[')
		})
		if p.err != nil {
			return Authorizer{}, p.err
		}
		read := readLambdaAuthorizer
		if jwt {
			read = readJWT
		}
		if a, err := read(at, authorizer); err != nil || a.Type != "" {
			return a, err
		}
	}
	return readIdentity(identity)
}

// readJWT reads an object that has claims and scopes.
func readJWT(at, raw string) (Authorizer, error) {
	var a Authorizer
	if raw == "" {
		return a, nil
	}
	p := parser{s: raw, at: at}
	p.object(func(key string) {
		switch key {
		case "claims":
			value := p.raw()
			if p.err == nil {
				a.Claims, p.err = readClaims(at, value)
			}
		case "scopes":
			a.Scopes = nil
			p.array(func() {
				if scope := p.text(); scope != "" {
					a.Scopes = append(a.Scopes, scope)
				}
			})
		default:
			p.skip()
		}
	})
	if p.err != nil || len(a.Claims) == 0 && len(a.Scopes) == 0 {
		return Authorizer{}, p.err
	}
	a.Type, a.Principal = JWTAuthorizer, a.Claims["sub"]
	return a, nil
}

// readLambdaAuthorizer reads the context that a Lambda authorizer returned. It
// drops the authorizer's duration, which API Gateway adds in payload 1.0.
func readLambdaAuthorizer(at, raw string) (Authorizer, error) {
	claims, err := readClaims(at, raw)
	_, timed := claims["integrationLatency"]
	if err != nil || len(claims) == 0 || timed && len(claims) == 1 {
		return Authorizer{}, err
	}
	return Authorizer{Type: LambdaAuthorizer, Principal: claims["principalId"], Claims: claims}, nil
}

// readIAM reads the identity of a signed request in payload 2.0.
func readIAM(at, raw string) (Authorizer, error) {
	claims, err := readClaims(at, raw)
	if err != nil || len(claims) == 0 {
		return Authorizer{}, err
	}
	return Authorizer{Type: IAMAuthorizer, Principal: claims["userArn"], Claims: claims}, nil
}

// readIdentity reads the identity of a signed request in payload 1.0. A request
// is signed if its identity has an access key or an ARN. Fields that every
// request's identity has are left out.
func readIdentity(raw string) (Authorizer, error) {
	claims, err := readClaims("requestContext.identity", raw)
	if err != nil || claims["accessKey"] == "" && claims["userArn"] == "" && claims["cognitoIdentityId"] == "" {
		return Authorizer{}, err
	}
	for _, name := range []string{"sourceIp", "userAgent", "apiKey", "apiKeyId", "clientCert"} {
		delete(claims, name)
	}
	return Authorizer{Type: IAMAuthorizer, Principal: claims["userArn"], Claims: claims}, nil
}

// readClaims reads the members of an object and skips empty ones: null, "", and
// objects and arrays that contain nothing else.
func readClaims(at, raw string) (map[string]string, error) {
	if raw == "" {
		return nil, nil
	}
	claims := make(map[string]string)
	p := parser{s: raw, at: at}
	p.object(func(key string) {
		delete(claims, key) // the last of several members with one name counts
		if p.peek() == '"' {
			if value := p.quoted(); value != "" {
				claims[key] = value
			}
			return
		}
		start := p.i
		if p.skipFilled() {
			claims[key] = p.s[start:p.i]
		}
	})
	return claims, p.err
}
