// Package page shows a local server in a browser: the methods of its services
// with forms and commands to call them, their OpenAPI documents, the latest
// calls, and the event that each call would be on Lambda.
//
// It is served on an origin of its own, so that nothing which the services
// answer can read it. Its calls go through the server's handler in this process.
package page

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"time"

	"github.com/swaggest/swgui/v5/static"
	"google.golang.org/grpc"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
	"github.com/lambda-grpc/lambda-grpc-gateway/local/server/record"
)

// A Config says what a page shows.
type Config struct {
	Recorder *record.Recorder
	Services map[string]grpc.ServiceInfo

	// OpenAPI has documents: the files at the top whose names end in .json.
	OpenAPI []fs.FS

	// Handler answers the page's own calls: what the server serves over HTTP.
	Handler http.Handler
	// Prefix begins the path of every URL of Handler. RPC says that it serves
	// Connect.
	Prefix string
	RPC    bool

	// HTTPAddress and GRPCAddress are where the server listens, for commands
	// to copy; empty where it does not.
	HTTPAddress, GRPCAddress string

	// AnyAddress accepts requests for every address. Without it only those of
	// this machine's loopback are accepted. No name but localhost is, since
	// a page on the internet whose name points here could read everything.
	AnyAddress bool

	Events Events
}

//go:embed templates static
var files embed.FS

// A page is the handler that New returns.
type page struct {
	Config
	templates *template.Template
	services  []boundService
	documents []document
	started   int64 // tells the versions of one Recorder from those of another
}

// New returns the handler of the page. The error is a mistake in the OpenAPI
// documents.
func New(c Config) (http.Handler, error) {
	p := &page{Config: c, started: time.Now().UnixNano()}
	var err error
	if p.documents, err = readDocuments(c.OpenAPI, callPath+c.Prefix); err != nil {
		return nil, err
	}
	p.services = p.describe()
	if p.templates, err = template.ParseFS(files, "templates/*.html"); err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
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

// view is what every template gets.
type view struct {
	Title  string
	Tab    string // the current one of the navigation
	Source frontdoor.Source
	Data   any
}

func (p *page) render(w http.ResponseWriter, status int, name, title string, data any) {
	var b bytes.Buffer
	v := view{Title: title, Tab: name, Source: p.Events.Source, Data: data}
	if err := p.templates.ExecuteTemplate(&b, name+".html", v); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the client may have left
}
