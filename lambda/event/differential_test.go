package event_test

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
)

// view is a response as a client sees it. Broken means that the client gets no
// complete response; a load balancer or API Gateway sends a 5xx then.
type view struct {
	Status int
	Header http.Header
	Body   string
	Broken bool
}

// handlers do what handlers do with a ResponseWriter. All of them get a GET.
var handlers = map[string]func(w http.ResponseWriter, r *http.Request){
	"nothing at all": func(http.ResponseWriter, *http.Request) {},
	"only a status":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) },
	"only a body":    func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") },
	"only an empty body": func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(nil)
		w.WriteHeader(http.StatusTeapot)
	},
	"two statuses": func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
		w.WriteHeader(http.StatusInternalServerError)
	},
	"a status after the body": func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "hello")
		w.WriteHeader(http.StatusInternalServerError)
	},
	"headers after the status": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Before", "1")
		w.WriteHeader(http.StatusOK)
		w.Header().Set("X-After", "1")
		w.Header().Set("X-Before", "2")
		w.Header().Set("Content-Type", "text/late")
		_, _ = io.WriteString(w, "hello")
	},
	"headers after the body": func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "hello")
		w.Header().Set("X-After", "1")
	},
	"early hints": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusProcessing)
		w.Header().Set("X-Final", "1")
		w.WriteHeader(http.StatusAccepted)
	},
	"an unknown status":       func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(299) },
	"a status of two digits":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(42) },
	"a status of four digits": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(1000) },
	"HTML, to be detected":    func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<!DOCTYPE html><p>hi") },
	"HTML in small pieces":    func(w http.ResponseWriter, _ *http.Request) { pieces(w, "<!DOC", "TYPE ht", "ml><p>hi") },
	"HTML, flushed early":     func(w http.ResponseWriter, _ *http.Request) { pieces(w, "<!DOC", flush, "TYPE html><p>hi") },
	"a flush before the body": func(w http.ResponseWriter, _ *http.Request) { pieces(w, flush, "<!DOCTYPE html>") },
	"spaces and then HTML":    func(w http.ResponseWriter, _ *http.Request) { pieces(w, strings.Repeat(" ", 600), "<html>") },
	"a PNG": func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "\x89PNG\x0D\x0A\x1A\x0A\x00\xff")
	},
	"every byte": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(everyByte()) },
	"text that looks like JSON": func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "{\"a\":\"b\\\\\",\t\"\u2028\":\"\x7f\x01\"}")
	},
	"a type of its own": func(w http.ResponseWriter, _ *http.Request) { typed(w, "application/grpc-web+proto", "\x00\x01<html>") },
	"an empty type":     func(w http.ResponseWriter, _ *http.Request) { typed(w, "", "<html>") },
	"no type on purpose": func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = nil
		_, _ = io.WriteString(w, "<html>")
	},
	"something compressed": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "br")
		_, _ = io.WriteString(w, "\x0b\x02\x80hello\x03")
	},
	"compressed and by chance text": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "br")
		_, _ = io.WriteString(w, "<html>")
	},
	"no content":              func(w http.ResponseWriter, _ *http.Request) { forbidden(w, http.StatusNoContent) },
	"not modified":            func(w http.ResponseWriter, _ *http.Request) { forbidden(w, http.StatusNotModified) },
	"several of a header":     func(w http.ResponseWriter, _ *http.Request) { w.Header()["Vary"] = []string{"Origin", "Accept"} },
	"several cookies":         func(w http.ResponseWriter, _ *http.Request) { cookies(w, 5) },
	"one cookie":              func(w http.ResponseWriter, _ *http.Request) { cookies(w, 1) },
	"a header with a newline": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-A", " a\r\nX-B: b\t ") },
	"a cookie with a newline": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Set-Cookie", "a=1\r\nX-B: b") },
	"names that are none": func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["X B"], w.Header()[""], w.Header()["X\nC"], w.Header()["X:D"] = []string{"1"}, []string{"1"}, []string{"1"}, []string{"1"}
		w.Header()["X-Empty"], w.Header()["X-None"] = []string{""}, nil
	},
	"trailers": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		_, _ = io.WriteString(w, "hello")
		w.Header().Set("X-Sum", "5d41")
		w.Header().Set(http.TrailerPrefix+"X-Late", "1")
	},
	"a trailer too early": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set(http.TrailerPrefix+"X-Early", "1") },
	"headers of a connection": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Keep-Alive", "timeout=5")
		w.Header().Set("Proxy-Connection", "keep-alive")
		w.Header().Set("Te", "trailers")
	},
	"chunks on its own account": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Transfer-Encoding", "chunked")
		_, _ = io.WriteString(w, "<html>")
	},
	"the right length":  func(w http.ResponseWriter, _ *http.Request) { sized(w, "5", "hello") },
	"a length too long": func(w http.ResponseWriter, _ *http.Request) { sized(w, "6", "hello") },
	"one too short":     func(w http.ResponseWriter, _ *http.Request) { sized(w, "4", "hello") },
	"one too short for the second write": func(w http.ResponseWriter, _ *http.Request) {
		sized(w, "5", "hello", "you")
	},
	"a length that is none":    func(w http.ResponseWriter, r *http.Request) { missized(w, r, "five") },
	"a negative length":        func(w http.ResponseWriter, r *http.Request) { missized(w, r, "-5") },
	"a panic":                  func(http.ResponseWriter, *http.Request) { panic("the secret is 42") },
	"a panic after the header": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK); panic("late") },
	"an abort":                 func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	"a failed write is told": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "2")
		_, err := io.WriteString(w, "hello")
		panic(fmt.Sprint(errors.Is(err, http.ErrContentLength)))
	},
	"full duplex": func(w http.ResponseWriter, _ *http.Request) {
		c := http.NewResponseController(w)
		_, _ = fmt.Fprint(w, c.EnableFullDuplex(), c.Flush())
	},
	"more than is held back": func(w http.ResponseWriter, _ *http.Request) {
		pieces(w, strings.Repeat("x", 2048), strings.Repeat("y", 5000))
	},
	"the request": func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		_ = json.NewEncoder(w).Encode(map[string]any{
			"method": r.Method, "path": r.URL.Path, "query": r.URL.Query(), "host": r.Host, "proto": r.Proto, "tls": r.TLS != nil,
			"header": r.Header, "length": r.ContentLength, "encoding": r.TransferEncoding, "body": string(body), "err": err,
			"url": r.URL.Host + r.URL.Scheme, "form": r.FormValue("b"), "close": r.Close,
		})
	},
	"http.Error": func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no <b>such</b> thing", http.StatusNotFound)
	},
	"http.Redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "../x?y=z", http.StatusFound) },
	"http.ServeContent": func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("Range", "bytes=2-4")
		http.ServeContent(w, r, "x.txt", time.Unix(1_700_000_000, 0), strings.NewReader("0123456789"))
	},
}

const flush = "\x00flush"

func pieces(w http.ResponseWriter, texts ...string) {
	for _, text := range texts {
		if text == flush {
			w.(http.Flusher).Flush()
			continue
		}
		_, _ = io.WriteString(w, text)
	}
}

func everyByte() []byte {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

func typed(w http.ResponseWriter, contentType, body string) {
	w.Header().Set("Content-Type", contentType)
	_, _ = io.WriteString(w, body)
}

func forbidden(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Content-Length", "5")
	w.Header().Set("Etag", `"x"`)
	w.WriteHeader(status)
	if _, err := io.WriteString(w, "hello"); !errors.Is(err, http.ErrBodyNotAllowed) {
		panic(err)
	}
}

func cookies(w http.ResponseWriter, n int) {
	for i := range n {
		http.SetCookie(w, &http.Cookie{Name: fmt.Sprint("c", i), Value: "a,b", Path: "/"})
	}
}

func sized(w http.ResponseWriter, length string, texts ...string) {
	w.Header().Set("Content-Length", length)
	w.Header().Set("Content-Type", "text/plain")
	pieces(w, texts...)
}

// missized leaves a HEAD alone, for which net/http sends the invalid length on.
func missized(w http.ResponseWriter, r *http.Request, length string) {
	if r.Method != http.MethodHead {
		sized(w, length, "hello")
	}
}

// TestSameAsNetHTTP runs the same handlers under net/http's server and through
// each source, and compares what a client sees.
func TestSameAsNetHTTP(t *testing.T) {
	requests := map[string]request{
		"GET":  {target: "/dir/a?b=c", header: http.Header{"X-A": {"1"}, "User-Agent": {"test"}}},
		"HEAD": {method: "HEAD", target: "/dir/a?b=c"},
		"POST": {method: "POST", target: "/caf%C3%A9%20x?b=1&b=2", body: "b=3&d=4", header: http.Header{
			"Content-Type": {"application/x-www-form-urlencoded"}, "Content-Length": {"7"},
		}},
		"DELETE": {method: "DELETE", target: "//a/../b/", cookies: []string{"a=1", "b=2"}},
		"PURGE":  {method: "PURGE", target: "/"},
	}
	for _, name := range slices.Sorted(maps.Keys(handlers)) {
		handler := http.HandlerFunc(handlers[name])
		t.Run(name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(handler)
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			server.StartTLS()
			defer server.Close()
			h := event.NewHandler(handler, quiet())
			for method, r := range requests {
				if r.header == nil {
					r.header = http.Header{}
				}
				r.header.Set("X-Forwarded-Proto", "https")
				native := likeAny(overNetwork(t, server, r), method)
				each(t, func(t *testing.T, kind string) {
					r, want := r, native
					if kind == "alb" && method == "POST" {
						r.target = "/caf%C3%A9%20x?b=2" // it has the last value only
						want = likeAny(overNetwork(t, server, r), method)
					}
					p := payload(t, kind, r)
					got := likeAny(viewOf(invoke(t, h, kind, p), method), method)
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("%s: a client can tell net/http's server from this (-net/http +this):\n%s", method, diff)
					}
					if kind != "rest-api" && kind != "function-url" {
						return
					}
					got = likeAny(viewOf(stream(t, h, kind, p), method), method)
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("%s, streamed: a client can tell net/http's server from this (-net/http +this):\n%s", method, diff)
					}
				})
			}
		})
	}
}

// viewOf returns the response that a client sees. A failure of the handler counts
// as broken, though the package sends a complete response for it.
func viewOf(a answer, method string) view {
	failed := strings.HasPrefix(a.body, `{"code":13,`) || method == http.MethodHead
	if a.broken || a.status == http.StatusInternalServerError && failed {
		return view{Broken: true}
	}
	return view{Status: a.status, Header: a.header, Body: a.body}
}

// overNetwork sends r to a server, byte for byte, and returns what comes back.
func overNetwork(t *testing.T, server *httptest.Server, r request) view {
	t.Helper()
	conn, err := tls.Dial("tcp", server.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	var text strings.Builder
	if r.method == "" {
		r.method = http.MethodGet
	}
	_, _ = fmt.Fprintf(&text, "%s %s HTTP/1.1\r\nHost: api.example.com\r\n", r.method, r.target)
	_ = r.header.Write(&text)
	if len(r.cookies) > 0 {
		_, _ = fmt.Fprintf(&text, "Cookie: %s\r\n", strings.Join(r.cookies, "; "))
	}
	if _, err := io.WriteString(conn, text.String()+"\r\n"+r.body); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	for {
		resp, err := http.ReadResponse(in, &http.Request{Method: r.method})
		if err != nil {
			return view{Broken: true}
		}
		if resp.StatusCode < 200 {
			continue // which no event can carry
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return view{Broken: true}
		}
		return view{Status: resp.StatusCode, Header: resp.Header, Body: string(body)}
	}
}

// likeAny removes the headers that a source adds or sets itself, and joins several
// values of a header into one.
func likeAny(v view, method string) view {
	out := view{Status: v.Status, Body: v.Body, Broken: v.Broken, Header: http.Header{}}
	for name, values := range v.Header {
		name = http.CanonicalHeaderKey(name)
		switch name {
		case "Date", "Connection", "Transfer-Encoding", "Trailer", "Keep-Alive", "Proxy-Connection", "Te":
			continue
		case "Set-Cookie":
			values = append(out.Header[name], values...)
			slices.Sort(values) // a load balancer has them in an object
		default:
			values = []string{strings.Join(values, ", ")}
		}
		out.Header[name] = values
	}
	if method != "HEAD" {
		out.Header.Del("Content-Length") // front doors count for themselves
	}
	return out
}
