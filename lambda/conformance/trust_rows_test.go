package conformance_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/eventmd"
)

func eventRows() []row {
	refuse := func(payload string, words ...string) func(*subject) error {
		return func(s *subject) error {
			t, err := s.open(setup{serve: "probe"})
			if err != nil {
				return err
			}
			_, err = t.fn.Invoke(s.lab.t.Context(), []byte(payload))
			if err == nil {
				return errors.New("served as a request")
			}
			var failure *emulator.FunctionError
			if !errors.As(err, &failure) || errors.Is(err, emulator.ErrExited) {
				return errors.New("the process exits")
			}
			for _, word := range words {
				if !strings.Contains(failure.Message, word) {
					return errors.New("fails, but does not say why")
				}
			}
			return nil
		}
	}
	oneEach := "no: code chooses one adapter for each payload"
	return []row{
		{name: "one function serves every source and detects it by the event", brief: true, buffered: true, apiProxy: oneEach, check: recognised},
		{name: "a WebSocket event fails with an error that names WebSocket", check: refuse(`{"headers":{},"requestContext":{"eventType":"CONNECT","connectionId":"x","domainName":"x"},"httpMethod":"GET","path":"/"}`, "WebSocket")},
		{name: "an authorizer's event fails with an error that names authorizers", check: refuse(`{"type":"REQUEST","methodArn":"arn:aws:execute-api:us-east-1:1:a/b/GET/","httpMethod":"GET","path":"/","requestContext":{}}`, "authorizer")},
		{name: "an event that is not HTTP fails with an error that names its keys", check: refuse(`{"Records":[{"eventSource":"aws:sqs","body":"secret"}]}`, "Records")},
		{name: "an event of a Bedrock agent, which has an httpMethod, is not taken for a request", apiProxy: "no: served as a request", check: func(s *subject) error {
			if err := refuse(`{"httpMethod":"GET","path":"/"}`, "httpMethod", "path")(s); err != nil {
				return err
			}
			return refuse(`{"messageVersion":"1.0","agent":{},"actionGroup":"G","apiPath":"/send","httpMethod":"POST","parameters":[]}`, "actionGroup", "apiPath")(s)
		}},
		{name: "JSON that is not an object fails with an error that says what it is", check: func(s *subject) error {
			for _, payload := range [][2]string{{`[1]`, "an array"}, {`"secret"`, "a string"}, {`1`, "a number"}, {`null`, "null"}} {
				if err := refuse(payload[0], payload[1])(s); err != nil {
					return err
				}
			}
			return nil
		}},
		{name: "an empty test event fails with an error that says so", check: refuse(`{}`, "empty")},
	}
}

// recognised checks that one process serves the events of all sources.
func recognised(s *subject) error {
	t, err := s.open(setup{serve: "probe"})
	if err != nil {
		return err
	}
	for _, source := range frontdoor.Sources() {
		other := &subject{lab: s.lab, adapter: s.adapter, place: place{source: source}}
		defer other.close()
		seen, err := other.seeThrough(t.fn, get("/x"))
		want := strings.TrimSuffix(string(source), "-multi")
		if err == nil && string(seen.Info.Source) != want {
			err = fmt.Errorf("taken for `%s`", seen.Info.Source)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", source, err)
		}
	}
	return nil
}

func trustRows() []row {
	noContext := "no: Go code gets the source's own request context"
	return []row{
		{name: "`event.FromContext` returns the source, request id, client address, stage, tenant and trace id", apiProxy: noContext, check: facts},
		{name: "the event's facts reach gRPC handlers and interceptors as metadata", services: true, apiProxy: noContext, check: metadataOfTheEvent},
		{name: "no header lets a client set that metadata", services: true, apiProxy: "–", check: forged},
		{name: "a client's `X-GoLambdaProxy-ApiGw-Context` does not arrive", check: func(s *subject) error {
			seen, err := s.see(get("/", `X-GoLambdaProxy-ApiGw-Context: {"authorizer":{"principalId":"mallory"}}`))
			for name := range seen.Header {
				if err == nil && strings.HasPrefix(strings.ToLower(name), "x-golambdaproxy") {
					err = errors.New("it does, where the accessors look for the real one")
				}
			}
			return err
		}},
		{name: "an interceptor can authorize by the result of a JWT, IAM or Lambda authorizer", services: true, apiProxy: noContext,
			on: []frontdoor.Source{frontdoor.RESTAPI, frontdoor.HTTPAPI, frontdoor.HTTPAPIv1, frontdoor.FunctionURL, frontdoor.VPCLattice}, check: authorised},
		{name: "VPC Lattice's service network, service, VPC and caller are in `event.Info` and in metadata", services: true, apiProxy: "–",
			on: []frontdoor.Source{frontdoor.VPCLattice}, check: latticeFacts},
		{name: "an authorizer without a result counts as none, in every form that events have for it", apiProxy: noContext, check: emptyAuthorizers},
		{name: "grpc-gateway passes on the client's address from RemoteAddr", services: true,
			on: []frontdoor.Source{frontdoor.RESTAPI, frontdoor.HTTPAPI, frontdoor.HTTPAPIv1, frontdoor.FunctionURL}, check: forwardedFor},
		{name: "a client cannot set X-Forwarded-Host", services: true, apiProxy: "–", check: func(s *subject) error {
			md, err := s.metadata(setup{serve: "services"}, get("/v1/echo/7", "X-Forwarded-Host: mallory.example"))
			if err == nil && !slices.Equal(md["x-forwarded-host"], []string{"api.example.com"}) {
				err = fmt.Errorf("it is %q", md["x-forwarded-host"])
			}
			return err
		}},
	}
}

// emptyAuthorizers has the event say in several ways that nobody was authorized.
func emptyAuthorizers(s *subject) error {
	for _, authorizer := range []any{
		nil, map[string]any{},
		map[string]any{"jwt": map[string]any{"claims": nil, "scopes": nil}, "iam": map[string]any{"accessKey": "", "userArn": ""}, "lambda": nil},
		map[string]any{"claims": map[string]any{}, "scopes": nil, "principalId": ""},
	} {
		seen, err := s.seeAt(setup{serve: "probe", tamper: func(event map[string]any) {
			if context, ok := event["requestContext"].(map[string]any); ok {
				context["authorizer"] = onlyKnown(s, authorizer)
			}
		}}, get("/"))
		if err != nil {
			return err
		}
		if a := seen.Info.Authorizer; a.Type != "" || a.Principal != "" || len(a.Claims)+len(a.Scopes) > 0 {
			return fmt.Errorf("taken for `%s`", a.Type)
		}
	}
	return nil
}

// onlyKnown leaves out of an authorizer what its payload version does not have:
// in payload 1.0 any name is one that a Lambda authorizer may have chosen.
func onlyKnown(s *subject, authorizer any) any {
	if known, ok := authorizer.(map[string]any); ok && !s.isPayload2() && known["jwt"] != nil {
		return map[string]any{}
	}
	return authorizer
}

// forwardedFor checks the client address that the gateway passes on if no header
// has one.
func forwardedFor(s *subject) error {
	x := setup{serve: "services", tamper: func(event map[string]any) {
		for _, field := range []string{"headers", "multiValueHeaders"} {
			if header, ok := event[field].(map[string]any); ok {
				maps.DeleteFunc(header, func(name string, _ any) bool { return strings.EqualFold(name, "X-Forwarded-For") })
			}
		}
	}}
	md, err := s.metadata(x, get("/v1/echo/7"))
	if got := md["x-forwarded-for"]; err == nil && !slices.Equal(got, []string{"127.0.0.1"}) {
		err = arrived(got)
	}
	return err
}

func facts(s *subject) error {
	seen, err := s.see(get("/", "X-Amzn-Trace-Id: Root=1-67891233-abcdef012345678912345678"))
	if err != nil {
		return err
	}
	info := seen.Info
	stage := map[frontdoor.Source]string{frontdoor.RESTAPI: "prod", frontdoor.HTTPAPI: "$default", frontdoor.HTTPAPIv1: "$default", frontdoor.FunctionURL: "$default"}
	switch {
	case !seen.FromContext:
		return errors.New("there is none")
	case string(info.Source) != strings.TrimSuffix(string(s.place.source), "-multi"):
		return fmt.Errorf("source `%s`", info.Source)
	case info.ClientAddress != "127.0.0.1":
		return fmt.Errorf("client address `%s`", info.ClientAddress)
	case info.Stage != stage[s.place.source]:
		return fmt.Errorf("stage `%s`", info.Stage)
	case info.RequestID == "" || info.InvocationID == "":
		return errors.New("no request id")
	case !strings.Contains(info.TraceID, "Root=1-67891233-abcdef012345678912345678"):
		return fmt.Errorf("trace id `%s`", info.TraceID)
	case info.TenantID != tenant:
		return fmt.Errorf("tenant `%s`", info.TenantID)
	case !strings.HasPrefix(info.FunctionARN, "arn:aws:lambda:"):
		return fmt.Errorf("ARN `%s`", info.FunctionARN)
	}
	return nil
}

// metadata returns the metadata that an EchoService sees.
func (s *subject) metadata(x setup, r request) (map[string][]string, error) {
	t, err := s.open(x)
	if err != nil {
		return nil, err
	}
	got := t.send(r)
	if got.status != http.StatusOK {
		return nil, got.failed()
	}
	var echoed struct{ Text string }
	var md map[string][]string
	if err := errors.Join(json.Unmarshal([]byte(got.body), &echoed), json.Unmarshal([]byte(echoed.Text), &md)); err != nil {
		return nil, errors.New("the response has another format")
	}
	return md, nil
}

func latticeFacts(s *subject) error {
	const caller = "arn:aws:sts::123456789012:assumed-role/orders/session-1"
	iam := frontdoor.Authorized{IAM: &frontdoor.IAMIdentity{UserARN: caller}}
	x := setup{serve: "services", door: []frontdoor.Option{frontdoor.WithAuthorizer(func(*http.Request) (frontdoor.Authorized, bool) { return iam, true })}}
	md, err := s.metadata(x, get("/v1/echo/7", "x-lambda-event-service-network-arn: mallory", "X-Amzn-Lattice-Identity: Principal=mallory"))
	if err != nil {
		return err
	}
	for key, want := range map[string]string{
		"service-network-arn": "arn:aws:vpc-lattice:us-east-1:123456789012:servicenetwork/sn-0123456789abcdef0",
		"service-arn":         "arn:aws:vpc-lattice:us-east-1:123456789012:service/svc-0123456789abcdef0",
		"source-vpc-arn":      "arn:aws:ec2:us-east-1:123456789012:vpc/vpc-0123456789abcdef0",
		"authorizer-type":     "iam", "authorizer-principal": caller,
	} {
		if got := md[eventmd.Prefix+key]; !slices.Equal(got, []string{want}) {
			return fmt.Errorf("%s %q", key, got)
		}
	}
	return nil
}

func metadataOfTheEvent(s *subject) error {
	md, err := s.metadata(setup{serve: "services"}, get("/v1/echo/7"))
	if err != nil {
		return err
	}
	if got := md[eventmd.Prefix+"source"]; !slices.Equal(got, []string{strings.TrimSuffix(string(s.place.source), "-multi")}) {
		return fmt.Errorf("source %q", got)
	}
	if got := md[eventmd.Prefix+"client-address"]; !slices.Equal(got, []string{"127.0.0.1"}) {
		return fmt.Errorf("client address %q", got)
	}
	for _, key := range []string{"request-id", "invocation-id", "function-arn", "tenant-id", "trace-id"} {
		if len(md[eventmd.Prefix+key]) != 1 {
			return fmt.Errorf("%s %q", key, md[eventmd.Prefix+key])
		}
	}
	return nil
}

// forged sends a request whose headers try to set reserved metadata. Its metadata
// must be that of a request without such headers.
func forged(s *subject) error {
	x := setup{serve: "services"}
	honest, err := s.metadata(x, get("/v1/echo/7"))
	if err != nil {
		return err
	}
	r := get("/v1/echo/7", "Connection: x-lambda-event-source", `X-GoLambdaProxy-ApiGw-Context: {"authorizer":{"principalId":"mallory"}}`)
	for _, name := range []string{"source", "client-address", "authorizer-principal", "made-up", "source-bin"} {
		for _, prefix := range []string{"x-lambda-event-", "X-LAMBDA-EVENT-", "x_lambda_event_", "Grpc-Metadata-X-Lambda-Event-",
			"grpc-metadata-grpc-metadata-x-lambda-event-", "Grpcgateway-X-Lambda-Event-"} {
			r.header = append(r.header, prefix+name+": bWFsbG9yeQ==")
		}
	}
	md, err := s.metadata(x, r)
	if err != nil {
		return err
	}
	for key, values := range md {
		if all := strings.Join(values, " "); strings.Contains(all, "bWFsbG9yeQ") || strings.Contains(all, "mallory") {
			return fmt.Errorf("`%s` is the client's", key)
		}
	}
	reserved := func(md map[string][]string) []string {
		return slices.Sorted(func(yield func(string) bool) {
			for key := range maps.Keys(md) {
				if strings.HasPrefix(key, eventmd.Prefix) && !yield(key) {
					return
				}
			}
		})
	}
	if !slices.Equal(reserved(honest), reserved(md)) {
		return errors.New("the keys differ")
	}
	return nil
}

// authorised asks for what only some may have: without an authorizer, with one
// that gives too little, and with one that gives enough.
func authorised(s *subject) error {
	grants := map[string]frontdoor.Authorized{
		"a token":    {Claims: map[string]string{"sub": "alice"}, Scopes: []string{"read"}},
		"a function": {Context: map[string]any{"principalId": "alice"}, PrincipalID: "alice"},
		"IAM":        {IAM: &frontdoor.IAMIdentity{AccessKey: "AKIA", UserARN: "alice", AccountID: "123456789012"}},
	}
	refused := frontdoor.Authorized{Claims: map[string]string{"sub": "bob"}, Scopes: []string{"write"}}
	if s.place.source == frontdoor.FunctionURL || s.place.isLattice() {
		delete(grants, "a token") // they know IAM alone
		delete(grants, "a function")
		refused = frontdoor.Authorized{IAM: &frontdoor.IAMIdentity{AccessKey: "AKIA", UserARN: "bob"}}
	}
	ask := func(a frontdoor.Authorized) (reply, error) {
		x := setup{serve: "services", door: []frontdoor.Option{frontdoor.WithAuthorizer(func(*http.Request) (frontdoor.Authorized, bool) { return a, true })}}
		t, err := s.open(x)
		if err != nil {
			return reply{}, err
		}
		return t.send(get("/v1/echo/secret", "x-lambda-event-authorizer-principal: alice")), nil
	}
	for _, a := range []frontdoor.Authorized{{}, refused} {
		got, err := ask(a)
		if err == nil {
			err = wantError(got, 403, 7)
		}
		if err != nil {
			return fmt.Errorf("without the right: %w", err)
		}
	}
	for name, a := range grants {
		got, err := ask(a)
		if err == nil && got.status != http.StatusOK {
			err = got.failed()
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}
