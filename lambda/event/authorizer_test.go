package event_test

import (
	"maps"
	"math/rand/v2"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
)

// empties are the forms of an empty value. An absent member is another one.
type absent struct{}

func empties(shape string) []any {
	switch shape {
	case "jwt":
		return []any{absent{}, nil, map[string]any{}, map[string]any{"claims": nil, "scopes": nil}, map[string]any{"claims": map[string]any{}, "scopes": []any{}},
			map[string]any{"claims": map[string]any{"sub": "", "aud": []any{""}, "x": nil}, "scopes": []any{"", nil}}}
	case "iam":
		return []any{absent{}, nil, map[string]any{}, map[string]any{"accessKey": "", "accountId": "", "callerId": "", "userArn": "", "userId": ""},
			map[string]any{"accessKey": nil, "cognitoIdentity": map[string]any{"amr": nil, "identityId": "", "identityPoolId": ""}}}
	case "lambda":
		return []any{absent{}, nil, map[string]any{}, map[string]any{"tenant": "", "roles": []any{}, "limits": map[string]any{"a": nil}}}
	case "text":
		return []any{absent{}, nil, ""}
	case "list":
		return []any{absent{}, nil, []any{}, []any{""}}
	case "object":
		return []any{absent{}, nil, map[string]any{}, map[string]any{"x": ""}}
	}
	panic(shape)
}

// put sets a member, or removes it.
func put(object map[string]any, key string, value any) {
	if value == any(absent{}) {
		delete(object, key)
		return
	}
	object[key] = value
}

// authorizerOf returns what a handler sees of the authorizer of an event.
func authorizerOf(t *testing.T, payload string) event.Authorizer {
	t.Helper()
	got, called := event.Authorizer{}, false
	h := event.NewHandler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		info, _ := event.FromContext(r.Context())
		got, called = info.Authorizer, true
	}))
	if _, err := h.Invoke(t.Context(), []byte(payload)); err != nil || !called {
		t.Fatalf("%v: %s", err, payload)
	}
	return got
}

// TestEmptyIsAbsent adds empty members, in all forms and in any order, to the
// result of an authorizer. The result must stay the same.
func TestEmptyIsAbsent(t *testing.T) {
	found := map[string]struct {
		value any
		want  event.Authorizer
	}{
		"jwt": {map[string]any{"claims": map[string]any{"sub": "u", "exp": 17.0}, "scopes": []any{"a"}},
			event.Authorizer{Type: event.JWTAuthorizer, Principal: "u", Scopes: []string{"a"}, Claims: map[string]string{"sub": "u", "exp": "17"}}},
		"lambda": {map[string]any{"admin": false, "n": 0.0, "principalId": "u"},
			event.Authorizer{Type: event.LambdaAuthorizer, Principal: "u", Claims: map[string]string{"admin": "false", "n": "0", "principalId": "u"}}},
		"iam": {map[string]any{"userArn": "arn", "accessKey": "AKIA"},
			event.Authorizer{Type: event.IAMAuthorizer, Principal: "arn", Claims: map[string]string{"userArn": "arn", "accessKey": "AKIA"}}},
	}
	types := []string{"jwt", "lambda", "iam"}
	// pick returns one of the empty values that a member of this shape may have. The
	// functions v2 and v1, for events of both payload versions, set the result filled
	// of an authorizer and give random empty values to everything else.
	pick := func(shape string, n int) any { all := empties(shape); return all[n%len(all)] }
	v2 := func(e map[string]any, filled string, random *rand.Rand) {
		authorizer := map[string]any{}
		for _, name := range types {
			put(authorizer, name, pick(name, random.IntN(100)))
		}
		if filled != "" {
			authorizer[filled] = with(random, found[filled].value.(map[string]any), "empty")
		}
		e["requestContext"].(map[string]any)["authorizer"] = authorizer
	}
	v1 := func(e map[string]any, filled string, random *rand.Rand) {
		ctx := e["requestContext"].(map[string]any)
		authorizer := map[string]any{}
		put(authorizer, "claims", pick("object", random.IntN(100)))
		put(authorizer, "scopes", pick("list", random.IntN(100)))
		put(authorizer, "principalId", pick("text", random.IntN(100)))
		if random.IntN(2) == 0 {
			authorizer["integrationLatency"] = 3.0
		}
		identity := map[string]any{"sourceIp": "203.0.113.7", "userAgent": "curl"}
		for _, name := range []string{"accessKey", "userArn", "cognitoIdentityId", "accountId", "caller"} {
			put(identity, name, pick("text", random.IntN(100)))
		}
		switch filled {
		case "jwt":
			maps.Copy(authorizer, found["jwt"].value.(map[string]any))
		case "lambda":
			delete(authorizer, "integrationLatency")
			maps.Copy(authorizer, found["lambda"].value.(map[string]any))
		case "iam":
			maps.Copy(identity, found["iam"].value.(map[string]any))
		}
		ctx["authorizer"], ctx["identity"] = authorizer, identity
		if filled != "jwt" && filled != "lambda" && random.IntN(3) == 0 {
			put(ctx, "authorizer", pick("object", random.IntN(100)))
		}
	}
	each(t, func(t *testing.T, kind string) {
		fill := v1
		if kind == "http-api" || kind == "function-url" {
			fill = v2
		}
		for _, filled := range append(types, "") {
			random := rand.New(rand.NewPCG(3, 4))
			for range 200 {
				e := captured(t, kind)
				fill(e, filled, random)
				text := shuffled(random, e)
				want := found[filled].want
				if kind == "alb" || kind == "alb-multi" {
					want = event.Authorizer{} // it authorizes nobody
				}
				if diff := cmp.Diff(want, authorizerOf(t, text)); diff != "" {
					t.Fatalf("%q (-want +got):\n%s\n%s", filled, diff, text)
				}
			}
		}
	}, "vpc-lattice", "vpc-lattice-v1") // whose authorizers have another form
}

// with returns a copy of an object with another member that is empty.
func with(random *rand.Rand, object map[string]any, key string) map[string]any {
	out := map[string]any{}
	maps.Copy(out, object)
	put(out, key, []any{absent{}, nil, "", map[string]any{}}[random.IntN(4)])
	return out
}
