package frontdoor_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
)

func TestLattice_PathsAndQueries(t *testing.T) {
	for _, target := range []string{"/", "/a%2Fb?k=1&k=2&q=a+b%2B&bare", "/a%3Fb%23c?", "//a//../b?%zz"} {
		for _, source := range []frontdoor.Source{frontdoor.VPCLattice, frontdoor.VPCLatticeV1} {
			fn := &fake{response: `{"statusCode":200}`}
			serve(t, frontDoor(t, fn, source), get(target))
			var e struct {
				Path    string
				RawPath string `json:"raw_path"`
			}
			if err := json.Unmarshal(fn.event, &e); err != nil {
				t.Fatal(err)
			}
			if got, want := e.Path+e.RawPath, strings.TrimSuffix(target, "?"); got != want {
				t.Errorf("%s: %s arrives as %q", source, target, got)
			}
		}
	}
}

func TestLattice_Headers(t *testing.T) {
	fn := &fake{response: `{"statusCode":200}`}
	serve(t, frontDoor(t, fn, frontdoor.VPCLattice), "GET / HTTP/1.1\nHost: h\nX-Amzn-Lattice-Identity: Principal=mallory\n"+
		"X-Forwarded-For: 198.51.100.7\nX-Forwarded-For-Proto: https\nConnection: close\nX-List: a\nX-List: b\n\n")
	var e struct{ Headers map[string][]string }
	if err := json.Unmarshal(fn.event, &e); err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{
		"host": {"h"}, "x-list": {"a", "b"}, "x-forwarded-for": {"198.51.100.7, 203.0.113.9"},
		"x-forwarded-for-proto": {"http"}, "x-forwarded-for-port": {"80"},
	}
	if diff := cmp.Diff(want, e.Headers); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestLattice_Callers(t *testing.T) {
	type identity struct{ SourceVPCARN, Type, Principal, SessionName string }
	const vpc = "arn:aws:ec2:us-east-1:123456789012:vpc/vpc-0123456789abcdef0"
	for arn, want := range map[string]identity{
		"": {SourceVPCARN: vpc},
		"arn:aws:sts::123456789012:assumed-role/orders/session-1": {
			vpc, "AWS_IAM", "arn:aws:sts::123456789012:assumed-role/orders/session-1", "session-1",
		},
		"arn:aws:iam::123456789012:user/ann": {vpc, "AWS_IAM", "arn:aws:iam::123456789012:user/ann", ""},
	} {
		authorizer := frontdoor.WithAuthorizer(func(r *http.Request) (frontdoor.Authorized, bool) {
			if arn == "" {
				return frontdoor.Authorized{}, true
			}
			return frontdoor.Authorized{IAM: &frontdoor.IAMIdentity{UserARN: arn}}, r.URL.Path != "/shut"
		})
		fn := &fake{response: `{"statusCode":200}`}
		door := frontDoor(t, fn, frontdoor.VPCLattice, authorizer)
		serve(t, door, get("/"))
		var e struct{ RequestContext struct{ Identity identity } }
		if err := json.Unmarshal(fn.event, &e); err != nil {
			t.Fatal(err)
		}
		if e.RequestContext.Identity != want {
			t.Errorf("%q: got %+v, want %+v", arn, e.RequestContext.Identity, want)
		}
		if status := serve(t, door, get("/shut")).StatusCode; arn != "" && status != http.StatusForbidden {
			t.Errorf("%q: status %d when refused, want 403", arn, status)
		}
	}
}
