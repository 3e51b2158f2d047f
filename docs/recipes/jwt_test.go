package recipes_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

type subjectKey struct{}

// verifyJWT returns an interceptor that requires a valid token in the header
// Authorization. Handlers find its subject in the context, under subjectKey.
func verifyJWT(key jwt.Keyfunc, issuer, audience string) grpc.UnaryServerInterceptor {
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{"RS256", "ES256"}),
		jwt.WithIssuer(issuer),
		jwt.WithAudience(audience),
		jwt.WithExpirationRequired(),
	)
	return func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		header := strings.Join(metadata.ValueFromIncomingContext(ctx, "authorization"), ",")
		scheme, token, _ := strings.Cut(header, " ")
		var claims jwt.RegisteredClaims
		if !strings.EqualFold(scheme, "Bearer") {
			return nil, status.Error(codes.Unauthenticated, "a bearer token is required")
		} else if _, err := parser.ParseWithClaims(token, &claims, key); err != nil {
			return nil, status.Error(codes.Unauthenticated, "the bearer token is not valid")
		}
		return next(context.WithValue(ctx, subjectKey{}, claims.Subject), req)
	}
}

func Example_jwt() {
	private := signingKey()
	key := func(*jwt.Token) (any, error) { return private.Public(), nil } // or that of a JWKS, by the token's kid
	svc := open(bindOrders(orders{}), service.WithUnaryInterceptors(
		verifyJWT(key, "https://issuer.example.com", "shop"),
		func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			fmt.Println("for", ctx.Value(subjectKey{}))
			return next(ctx, req)
		},
	))
	defer svc.Close()
	sign := func(audience string, method jwt.SigningMethod, key any, expires time.Time) string {
		token, err := jwt.NewWithClaims(method, jwt.RegisteredClaims{
			Subject: "alice", Issuer: "https://issuer.example.com", Audience: jwt.ClaimStrings{audience},
			ExpiresAt: jwt.NewNumericDate(expires),
		}).SignedString(key)
		if err != nil {
			panic(err)
		}
		return "Bearer " + token
	}
	later, earlier := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	for _, header := range []string{
		sign("shop", jwt.SigningMethodES256, private, later),
		sign("shop", jwt.SigningMethodES256, private, earlier),
		sign("other", jwt.SigningMethodES256, private, later),
		sign("shop", jwt.SigningMethodES256, signingKey(), later),
		sign("shop", jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, later),
		"Basic YWxpY2U6",
	} {
		fmt.Println(call(svc, "GET", "/v1/orders/1", "", "Authorization", header).Code)
	}
	fmt.Println(call(svc, "GET", "/v1/orders/1", "").Code, call(svc, "GET", "/healthz", "").Code)
	// Output:
	// for alice
	// 200
	// 401
	// 401
	// 401
	// 401
	// 401
	// 401 200
}
