package probe

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Responses are what handlers do with a ResponseWriter, by name. All of them
// depend on the request alone, so that they can be compared with what net/http's
// own server makes of them.
func Responses() map[string]http.HandlerFunc {
	all := make(map[string]http.HandlerFunc)
	for _, some := range []map[string]http.HandlerFunc{statuses(), bodies(), headers(), failures()} {
		for name, response := range some {
			all[name] = response
		}
	}
	return all
}

func statuses() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"nothing at all": func(http.ResponseWriter, *http.Request) {},
		"only a status":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) },
		"two statuses": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusCreated)
			w.WriteHeader(http.StatusInternalServerError)
		},
		"a status after the body": func(w http.ResponseWriter, _ *http.Request) {
			write(w, "hello")
			w.WriteHeader(http.StatusInternalServerError)
		},
		"early hints": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Link", "</style.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			w.Header().Set("X-Final", "1")
			w.WriteHeader(http.StatusAccepted)
		},
		"no content":   func(w http.ResponseWriter, _ *http.Request) { bodiless(w, http.StatusNoContent) },
		"not modified": func(w http.ResponseWriter, _ *http.Request) { bodiless(w, http.StatusNotModified) },
		"not found":    func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no such thing", http.StatusNotFound) },
		"a redirect":   func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/x?y=z", http.StatusFound) },
	}
}

// bodiless tries to write a body although the status has none.
func bodiless(w http.ResponseWriter, status int) {
	w.Header().Set("Etag", `"x"`)
	w.WriteHeader(status)
	write(w, "hello")
}

func bodies() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"text": func(w http.ResponseWriter, _ *http.Request) { write(w, "hello, wörld") },
		"HTML": func(w http.ResponseWriter, _ *http.Request) { write(w, "<!DOCTYPE html><p>hi") },
		"HTML in pieces": func(w http.ResponseWriter, _ *http.Request) {
			write(w, "<!DOC", "TYPE html>", strings.Repeat("<p>", 2000))
		},
		"HTML, flushed": func(w http.ResponseWriter, _ *http.Request) {
			write(w, "<!DOC")
			flush(w)
			write(w, "TYPE html><p>hi")
		},
		"a PNG":         func(w http.ResponseWriter, _ *http.Request) { write(w, "\x89PNG\r\n\x1a\n\x00\xff") },
		"every byte":    func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(everyByte()) },
		"bytes as JSON": func(w http.ResponseWriter, _ *http.Request) { typed(w, "application/json", "\xff\xfe\x00") },
		"gRPC-Web": func(w http.ResponseWriter, _ *http.Request) {
			typed(w, "application/grpc-web+proto", "\x00\x00\x00\x00\x05\x80\xff")
		},
		"quotes and breaks": func(w http.ResponseWriter, _ *http.Request) { typed(w, "text/plain", "\"\\\n\r\t\u2028\u0000😀") },
		"compressed": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			w.Header().Set("Content-Type", "text/plain")
			write(w, "\x0b\x02\x80hello\x03")
		},
		"a file in part": func(w http.ResponseWriter, r *http.Request) {
			r.Header.Set("Range", "bytes=2-4")
			http.ServeContent(w, r, "x.txt", time.Unix(1_700_000_000, 0), strings.NewReader("0123456789"))
		},
		"the right length": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5")
			typed(w, "text/plain", "hello")
		},
	}
}

func headers() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"headers after the status": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Before", "1")
			w.WriteHeader(http.StatusOK)
			w.Header().Set("X-After", "1")
			w.Header().Set("X-Before", "2")
			write(w, "hello")
			w.Header().Set("X-Late", "1")
		},
		"headers after a flush": func(w http.ResponseWriter, _ *http.Request) {
			flush(w)
			w.Header().Set("X-After", "1")
			w.WriteHeader(http.StatusTeapot)
		},
		"two cookies": func(w http.ResponseWriter, _ *http.Request) {
			for _, name := range []string{"a", "b"} {
				http.SetCookie(w, &http.Cookie{Name: name, Value: "1", Path: "/", Expires: time.Unix(1_900_000_000, 0)})
			}
			write(w, "hello")
		},
		"many cookies": func(w http.ResponseWriter, _ *http.Request) {
			for i := range 40 {
				http.SetCookie(w, &http.Cookie{Name: fmt.Sprint("c", i), Value: "1"})
			}
			write(w, "hello")
		},
		"one header": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Only", `a, "b", Tue, 15 Nov 1994 12:45:26 GMT`)
			write(w, "hello")
		},
		"a header twice": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Add("Vary", "Origin")
			w.Header().Add("Vary", "Accept")
			write(w, "hello")
		},
		"line breaks in a header": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-A", "a\r\nX-Injected: b")
			write(w, "hello")
		},
		"line breaks in a cookie": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Set-Cookie", "a=1\r\nX-Injected: b")
			write(w, "hello")
		},
		"an invalid name": func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["X\nY: z"] = []string{"1"}
			write(w, "hello")
		},
		"trailers": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Trailer", "X-Sum")
			write(w, "hello")
			w.Header().Set("X-Sum", "5d41")
			w.Header().Set(http.TrailerPrefix+"X-Late", "1")
		},
		"headers of a connection": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Keep-Alive", "timeout=5")
			w.Header().Set("Te", "trailers")
			w.Header().Set("Transfer-Encoding", "chunked")
			w.Header().Set("Upgrade", "websocket")
			write(w, "hello")
		},
	}
}

func failures() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"panic":             func(http.ResponseWriter, *http.Request) { panic("the secret is 42") },
		"panic half-way":    func(w http.ResponseWriter, _ *http.Request) { write(w, "half"); panic("the secret is 42") },
		"panic after flush": func(w http.ResponseWriter, _ *http.Request) { write(w, "half"); flush(w); panic("the secret is 42") },
		"abort":             func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"a length too long": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "6")
			typed(w, "text/plain", "hello")
		},
		"an impossible status": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(42) },
	}
}

func write(w io.Writer, texts ...string) {
	for _, text := range texts {
		_, _ = io.WriteString(w, text)
	}
}

func flush(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() }

func typed(w http.ResponseWriter, contentType, body string) {
	w.Header().Set("Content-Type", contentType)
	write(w, body)
}

func everyByte() []byte {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}
