package event_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
)

func TestQuery(t *testing.T) {
	tests := map[string]struct {
		query string
		want  url.Values
	}{
		"a plus sign is a space":               {"q=a+b", url.Values{"q": {"a b"}}},
		"an encoded plus sign is one":          {"q=a%2Bb", url.Values{"q": {"a+b"}}},
		"a repeated key keeps its order":       {"k=2&k=1&k=3", url.Values{"k": {"2", "1", "3"}}},
		"an empty value is a value":            {"k=&l=1", url.Values{"k": {""}, "l": {"1"}}},
		"a key without = has an empty value":   {"k&l=1", url.Values{"k": {""}, "l": {"1"}}},
		"an equals sign may be in a value":     {"k=a=b", url.Values{"k": {"a=b"}}},
		"commas do not divide values":          {"k=a,b", url.Values{"k": {"a,b"}}},
		"an encoded ampersand divides nothing": {"k=a%26b%3Dc", url.Values{"k": {"a&b=c"}}},
		"keys may be encoded":                  {"a%20b=1&caf%C3%A9=2", url.Values{"a b": {"1"}, "café": {"2"}}},
		"values may be outside of ASCII":       {"k=%E2%82%AC", url.Values{"k": {"€"}}},
		"a percent sign is decoded once":       {"k=100%2525", url.Values{"k": {"100%25"}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, kind string) {
				r, _ := seen(t, kind, payload(t, kind, request{target: "/q?" + tt.query}))
				want := tt.want
				if kind == "alb" && len(want["k"]) > 1 {
					want = url.Values{"k": want["k"][len(want["k"])-1:]} // all that the event has
				}
				got, err := url.ParseQuery(r.URL.RawQuery)
				if diff := cmp.Diff(want, got); diff != "" || err != nil {
					t.Errorf("the query %q is not what was sent (-want +got):\n%s%v", r.URL.RawQuery, diff, err)
				}
				if r.RequestURI != "/q?"+r.URL.RawQuery {
					t.Errorf("the request's URI is %q", r.RequestURI)
				}
				if raw := kind == "http-api" || kind == "function-url" || strings.HasPrefix(kind, "vpc-lattice"); raw && r.URL.RawQuery != tt.query {
					t.Errorf("the raw query became %q", r.URL.RawQuery)
				}
			})
		})
	}
	t.Run("parameters keep the event's order", func(t *testing.T) {
		each(t, func(t *testing.T, kind string) {
			r, _ := seen(t, kind, payload(t, kind, request{target: "/"}, func(e map[string]any) {
				for _, name := range []string{"queryStringParameters", "query_string_parameters"} {
					if _, ok := e[name]; ok || strings.HasPrefix(kind, "vpc-lattice") {
						e[name] = json.RawMessage(`{"z":"1","a":"2","m":"3"}`)
					}
				}
				set(e, "multiValueQueryStringParameters", json.RawMessage(`{"z":["1"],"a":["2"],"m":["3"]}`))
			}))
			if got := r.URL.RawQuery; got != "z=1&a=2&m=3" {
				t.Errorf("got %q", got)
			}
		}, "http-api", "function-url")
	})
}

// set changes a member of an event if the event has it.
func set(e map[string]any, name string, value any) {
	if _, ok := e[name]; ok {
		e[name] = value
	}
}

func TestHeaders(t *testing.T) {
	values := map[string]string{
		"a date":                "Tue, 15 Nov 1994 12:45:26 GMT",
		"a quoted string":       `"a, \"b\"", c`,
		"JSON":                  `{"a":[1,2],"b":"x,y"}`,
		"letters outside ASCII": "Zoë €",
		"an empty value":        "",
	}
	for name, value := range values {
		t.Run(name+" is left as it is", func(t *testing.T) {
			each(t, func(t *testing.T, kind string) {
				r, _ := seen(t, kind, payload(t, kind, request{target: "/", header: http.Header{"X-Value": {value}}}))
				if got := r.Header["X-Value"]; !cmp.Equal(got, []string{value}) {
					t.Errorf("got %q, want %q", got, value)
				}
			})
		})
	}
	t.Run("a repeated header keeps its values in order", func(t *testing.T) {
		each(t, func(t *testing.T, kind string) {
			r, _ := seen(t, kind, payload(t, kind, request{target: "/", header: http.Header{"X-List": {"b", "a"}}}))
			want := []string{"b", "a"}
			switch kind {
			case "http-api", "function-url", "vpc-lattice-v1":
				want = []string{"b,a"} // as the front door joined them
			case "alb":
				want = []string{"a"} // all that the event has
			}
			if got := r.Header["X-List"]; !cmp.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	})
	t.Run("what concerns a connection is dropped", func(t *testing.T) {
		each(t, func(t *testing.T, kind string) {
			r, _ := seen(t, kind, payload(t, kind, request{target: "/", header: http.Header{
				"Connection": {"keep-alive, TE"}, "Keep-Alive": {"timeout=5"}, "Proxy-Connection": {"keep-alive"}, "Te": {"trailers"},
				"Trailer": {"X-Sum"}, "Transfer-Encoding": {"chunked"}, "Upgrade": {"h2c"}, "X-Kept": {"1"},
			}}))
			if diff := cmp.Diff(http.Header{"X-Kept": {"1"}}, r.Header); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	})
	for name, header := range map[string]http.Header{
		"a newline in a value":    {"X-A": {"a\r\nX-B: b"}},
		"a zero byte in a value":  {"X-A": {"a\x00"}},
		"a space in a name":       {"X A": {"1"}},
		"a colon in a name":       {"X-A:": {"1"}},
		"a name without a letter": {"": {"1"}},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			each(t, func(t *testing.T, kind string) {
				wantError(t, invoke(t, event.NewHandler(http.NotFoundHandler()), kind, payload(t, kind, request{target: "/", header: header})), 400, 3)
			})
		})
	}
}

func TestCookiesArriveOnce(t *testing.T) {
	each(t, func(t *testing.T, kind string) {
		r, _ := seen(t, kind, payload(t, kind, request{target: "/", cookies: []string{"a=1", "b=x,y", "a=2"}}))
		if got, want := r.Header["Cookie"], []string{"a=1; b=x,y; a=2"}; !cmp.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestHost(t *testing.T) {
	t.Run("it is what the client sent", func(t *testing.T) {
		each(t, func(t *testing.T, kind string) {
			r, _ := seen(t, kind, payload(t, kind, request{target: "/", header: http.Header{"Host": {"shop.example.org:8443"}, "X-Forwarded-Host": {"evil.example"}}}))
			if r.Host != "shop.example.org:8443" || r.Header["Host"] != nil {
				t.Errorf("got %q, %q in the header", r.Host, r.Header["Host"])
			}
		})
	})
	t.Run("a load balancer's health check may have none", func(t *testing.T) {
		for _, kind := range []string{"alb", "alb-multi"} {
			r, _ := seen(t, kind, payload(t, kind, request{target: "/healthz"}, func(e map[string]any) {
				set(e, "headers", map[string]string{"user-agent": "ELB-HealthChecker/2.0"})
				set(e, "multiValueHeaders", map[string][]string{"user-agent": {"ELB-HealthChecker/2.0"}})
			}))
			if r.Host != "" || r.RemoteAddr != "" || r.TLS != nil {
				t.Errorf("%s: got the host %q, the address %q, TLS %v", kind, r.Host, r.RemoteAddr, r.TLS)
			}
		}
	})
}

func TestScheme(t *testing.T) {
	for proto, https := range map[string]bool{"http": false, "https": true, "https, http": false} {
		each(t, func(t *testing.T, kind string) {
			r, _ := seen(t, kind, payload(t, kind, request{target: "/", header: http.Header{"X-Forwarded-Proto": {proto}}}))
			want := https || !strings.HasPrefix(kind, "alb") && !strings.HasPrefix(kind, "vpc-lattice") // the others serve nothing but HTTPS
			if got := r.TLS != nil; got != want {
				t.Errorf("%s: with %q TLS is %v, want %v", kind, proto, got, want)
			}
		})
	}
}

func TestClientAddress(t *testing.T) {
	t.Run("it has the form of host and port", func(t *testing.T) {
		for ip, want := range map[string]string{"192.0.2.1": "192.0.2.1:0", "2001:db8::1": "[2001:db8::1]:0"} {
			each(t, func(t *testing.T, kind string) {
				r, _ := seen(t, kind, payload(t, kind, request{target: "/", header: http.Header{"X-Forwarded-For": {ip}}}, func(e map[string]any) {
					ctx, _ := e["requestContext"].(map[string]any)
					for _, where := range []string{"identity", "http"} {
						if m, ok := ctx[where].(map[string]any); ok {
							m["sourceIp"] = ip
						}
					}
				}))
				info, _ := event.FromContext(r.Context())
				if r.RemoteAddr != want || info.ClientAddress != ip {
					t.Errorf("got %q and %q, want %q and %q", r.RemoteAddr, info.ClientAddress, want, ip)
				}
			})
		}
	})
	t.Run("a load balancer's word counts and the client's does not", func(t *testing.T) {
		tests := map[string]struct {
			header []string
			remote string
		}{
			"a list":                     {[]string{"10.0.0.1, 198.51.100.9,203.0.113.7"}, "203.0.113.7:0"},
			"several lines":              {[]string{"10.0.0.1", "198.51.100.9, 203.0.113.7"}, "203.0.113.7:0"},
			"with the client's port":     {[]string{"10.0.0.1, 203.0.113.7:4711"}, "203.0.113.7:4711"},
			"IPv6 with a port":           {[]string{"10.0.0.1, [2001:db8::1]:4711"}, "[2001:db8::1]:4711"},
			"a port in the client's own": {[]string{"10.0.0.1:99, 203.0.113.7"}, "203.0.113.7:0"},
		}
		for name, tt := range tests {
			for _, kind := range []string{"alb", "alb-multi", "vpc-lattice", "vpc-lattice-v1"} {
				r, _ := seen(t, kind, payload(t, kind, request{target: "/", header: http.Header{"X-Forwarded-For": tt.header}}))
				if r.RemoteAddr != tt.remote {
					t.Errorf("%s, %s: got %q, want %q", kind, name, r.RemoteAddr, tt.remote)
				}
			}
		}
	})
	t.Run("elsewhere X-Forwarded-For does not count at all", func(t *testing.T) {
		each(t, func(t *testing.T, kind string) {
			r, _ := seen(t, kind, payload(t, kind, request{target: "/", header: http.Header{"X-Forwarded-For": {"6.6.6.6"}}}))
			if r.RemoteAddr != "203.0.113.7:0" {
				t.Errorf("got %q", r.RemoteAddr)
			}
		}, "alb", "alb-multi", "vpc-lattice", "vpc-lattice-v1")
	})
}

func TestRequestBody(t *testing.T) {
	bodies := map[string]request{
		"text":                        {body: "hello, \"world\" \\ \n\t € 😀"},
		"text in base64":              {body: "hello", base64: true},
		"bytes":                       {body: "\x00\xff\xfe\x80bytes", base64: true},
		"something long":              {body: strings.Repeat("0123456789abcdef", 1<<14), base64: true},
		"nothing":                     {},
		"nothing, said to be encoded": {base64: true},
	}
	for name, r := range bodies {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, kind string) {
				r.method, r.target = http.MethodPut, "/"
				req, body := seen(t, kind, payload(t, kind, r))
				if body != r.body || req.ContentLength != int64(len(r.body)) {
					t.Errorf("got %d bytes, ContentLength %d, want %d", len(body), req.ContentLength, len(r.body))
				}
				if (req.Body == http.NoBody) != (r.body == "") {
					t.Errorf("the body is %T", req.Body)
				}
			})
		})
	}
	for name, body := range map[string]string{
		"a character that is none of base64": "aGVsbG8*",
		"a length that base64 cannot have":   "aGVsbG8",
	} {
		t.Run(name+" is the client's mistake", func(t *testing.T) {
			each(t, func(t *testing.T, kind string) {
				h := event.NewHandler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler was called") }))
				a := invoke(t, h, kind, payload(t, kind, request{target: "/"}, func(e map[string]any) {
					e["body"], e["isBase64Encoded"] = body, true
				}))
				wantError(t, a, 400, 3)
			})
		})
	}
}

func TestDeadline(t *testing.T) {
	tests := map[string]struct {
		left, margin, want time.Duration
	}{
		"it ends a margin before the invocation": {time.Minute, 2 * time.Second, 58 * time.Second},
		"the margin is half a second by default": {time.Minute, -1, 59*time.Second + 500*time.Millisecond},
		"it takes no more than half of the time": {10 * time.Second, time.Minute, 5 * time.Second},
		"there may be none":                      {10 * time.Second, 0, 10 * time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var options []event.Option
			if tt.margin >= 0 {
				options = append(options, event.WithDeadlineMargin(tt.margin))
			}
			synctest.Test(t, func(t *testing.T) {
				var got time.Duration
				h := event.NewHandler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					deadline, _ := r.Context().Deadline()
					got = time.Until(deadline)
				}), options...)
				ctx, cancel := context.WithTimeout(t.Context(), tt.left)
				defer cancel()
				if _, err := h.Invoke(ctx, payload(t, "http-api", request{target: "/"})); err != nil {
					t.Fatal(err)
				}
				if got != tt.want {
					t.Errorf("the request has %v, want %v", got, tt.want)
				}
			})
		})
	}
	t.Run("the context ends with the request", func(t *testing.T) {
		r, _ := seen(t, "alb", payload(t, "alb", request{target: "/"}))
		if r.Context().Err() == nil {
			t.Error("the context of a request that is over is alive")
		}
	})
}

func TestPayloadIsNotKept(t *testing.T) {
	each(t, func(t *testing.T, kind string) {
		p := payload(t, kind, request{method: "POST", target: "/a?k=v", body: "body", header: http.Header{"X-A": {"value"}}})
		r, body := seen(t, kind, p)
		for i := range p {
			p[i] = '!'
		}
		info, _ := event.FromContext(r.Context())
		got := strings.Join([]string{r.Method, r.URL.Path, r.URL.RawQuery, r.Header.Get("X-A"), r.Host, body, r.RemoteAddr, info.AccountID}, "")
		if strings.Contains(got, "!") {
			t.Errorf("the request still refers to the payload: %s", got)
		}
	})
}
