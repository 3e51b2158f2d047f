package page

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// callPath is the beginning of the paths of the page's own calls.
const callPath = "/call"

// policy is the Content-Security-Policy. It allows only the page's own resources,
// and no inline scripts or styles. The viewer's style sheet has data: images.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// protect refuses requests from other origins and for hosts other than this machine.
func (p *page) protect(next http.Handler) http.Handler {
	next = http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if !p.accepts(r.Host) {
			http.Error(w, "anyone can make a name point here: open the page as localhost or by its address", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// accepts reports whether a Host header names this machine: as localhost or by
// an address of the loopback, or by any address if the page is served to others.
func (p *page) accepts(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && (p.AnyAddress || address.IsLoopback())
}

// caller passes the page's own calls to Handler. If a browser shows a response as a
// document, that document has an origin of its own and cannot run scripts. CORS is
// off, whatever the services' settings are.
func (p *page) caller() http.Handler {
	next := http.StripPrefix(callPath, p.Handler)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" {
			http.Error(w, "only the page itself may call", http.StatusForbidden)
			return
		}
		r = r.Clone(r.Context())
		for name := range r.Header {
			if name == "Origin" || name == "Referer" || strings.HasPrefix(name, "Sec-") {
				r.Header.Del(name)
			}
		}
		if p.HTTPAddress != "" {
			r.Host = p.HTTPAddress
		}
		r.RequestURI = strings.TrimPrefix(r.RequestURI, callPath)
		next.ServeHTTP(&isolated{ResponseWriter: w}, r)
	})
}

// isolated separates a response of the services from the page's origin.
type isolated struct {
	http.ResponseWriter
	begun bool
}

func (w *isolated) begin() {
	if w.begun {
		return
	}
	w.begun = true
	h := w.Header()
	for name := range h {
		if strings.HasPrefix(http.CanonicalHeaderKey(name), "Access-Control-") {
			delete(h, name)
		}
	}
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

func (w *isolated) WriteHeader(status int) {
	if status >= http.StatusOK { // the handler may set headers after others
		w.begin()
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *isolated) Write(p []byte) (int, error) {
	w.begin()
	return w.ResponseWriter.Write(p)
}

// Flush implements http.Flusher, which the gateway requires.
func (w *isolated) Flush() {
	w.begin()
	_ = http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap is for http.ResponseController.
func (w *isolated) Unwrap() http.ResponseWriter { return w.ResponseWriter }
