// Package page shows a local server in a browser: the methods of its services
// with forms and commands to call them, their OpenAPI documents, the latest
// calls, and the event that each call would be on Lambda.
//
// The page has an origin of its own, so that scripts in the services' responses
// cannot read it. Its calls go directly to the server's handler in this process.
package page

import (
	"bytes"
	"embed"
	"html/template"
	"io/fs"
	"net/http"
	"sync"
	"time"

	"github.com/swaggest/swgui/v5/static"
	"google.golang.org/grpc"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
	"github.com/lambda-grpc/lambda-grpc-gateway/local/server/internal/record"
)

// A Config configures a page.
type Config struct {
	Recorder *record.Recorder
	Services map[string]grpc.ServiceInfo

	// OpenAPI has the OpenAPI documents: the files in the root directory whose
	// names end in .json.
	OpenAPI []fs.FS

	// Handler is the server's HTTP handler. It handles the page's own calls.
	Handler http.Handler
	// Prefix is the beginning of every URL path of Handler. RPC says that Handler
	// serves Connect.
	Prefix string
	RPC    bool

	// HTTPAddress and GRPCAddress are the server's addresses in the commands that
	// the page shows. An address is empty if the server does not listen there.
	HTTPAddress, GRPCAddress string

	// AnyAddress accepts requests for every address. Without it, the page accepts
	// only requests for this machine's loopback. The only name that it accepts is
	// localhost, which protects it against DNS rebinding.
	AnyAddress bool

	Events Events
}

//go:embed templates static
var files embed.FS

// A page is the handler that New returns.
type page struct {
	Config
	templates func() *template.Template
	services  func() []boundService
	documents []document
	started   int64 // distinguishes the versions of one Recorder from another's
}

// New returns the handler of the page. It fails if an OpenAPI document is invalid.
func New(c Config) (http.Handler, error) {
	p := &page{Config: c, started: time.Now().UnixNano()}
	var err error
	if p.documents, err = readDocuments(c.OpenAPI, callPath+c.Prefix); err != nil {
		return nil, err
	}
	// Until somebody opens the page, the garbage collector need not follow
	// templates and descriptors.
	p.services = sync.OnceValue(p.boundServices)
	p.templates = sync.OnceValue(func() *template.Template {
		return template.Must(template.ParseFS(files, "templates/*.html"))
	})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.showMethods)
	mux.HandleFunc("GET /openapi", p.showViewer)
	mux.HandleFunc("GET /openapi/{name}", p.serveDocument)
	mux.HandleFunc("GET /calls", p.showCalls)
	mux.HandleFunc("GET /calls/{id}", p.showCall)
	mux.HandleFunc("POST /calls/{id}", p.sendCall)
	mux.Handle(callPath+"/", p.caller())
	own, _ := fs.Sub(files, "static") // the name is valid
	mux.Handle("GET /static/", http.StripPrefix("/static/", http.FileServerFS(own)))
	mux.Handle("GET /viewer/", http.StripPrefix("/viewer/", compressed(static.FS)))
	return p.protect(mux), nil
}

// view is the data of every template.
type view struct {
	Title  string
	Tab    string // the current one of the navigation
	Source frontdoor.Source
	Data   any
}

func (p *page) render(w http.ResponseWriter, status int, name, title string, data any) {
	var b bytes.Buffer
	v := view{Title: title, Tab: name, Source: p.Events.Source, Data: data}
	if err := p.templates().ExecuteTemplate(&b, name+".html", v); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // fails only if the client has disconnected
}
