package page

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

// A document is an OpenAPI document that sends its calls to the page.
type document struct {
	Name string // the file's name
	data []byte
}

// readDocuments reads the files whose names end in .json. Their calls go to paths
// below base.
func readDocuments(systems []fs.FS, base string) ([]document, error) {
	var documents []document
	for _, system := range systems {
		names, err := fs.Glob(system, "*.json")
		if err != nil {
			return nil, fmt.Errorf("page: OpenAPI documents: %w", err)
		}
		for _, name := range names {
			data, err := fs.ReadFile(system, name)
			if err == nil {
				data, err = withServer(data, base)
			}
			if err != nil {
				return nil, fmt.Errorf("page: OpenAPI document %s: %w", name, err)
			}
			documents = append(documents, document{name, data})
		}
	}
	return documents, nil
}

// withServer returns a document of version 2 or 3 whose only server is base.
func withServer(data []byte, base string) ([]byte, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(base)
	if err != nil {
		return nil, err
	}
	switch {
	case fields["openapi"] != nil:
		fields["servers"] = json.RawMessage(`[{"url":` + string(encoded) + `}]`)
	case fields["swagger"] != nil:
		delete(fields, "host")
		delete(fields, "schemes")
		fields["basePath"] = encoded
	default:
		return nil, errors.New(`want a JSON object with "openapi" or "swagger"`)
	}
	return json.Marshal(fields)
}

func (p *page) showViewer(w http.ResponseWriter, r *http.Request) {
	data := struct {
		Documents []document
		Current   string
	}{Documents: p.documents}
	if len(p.documents) > 0 {
		data.Current = p.documents[0].Name
		if name := r.FormValue("document"); name != "" {
			data.Current = name
		}
	}
	p.render(w, http.StatusOK, "openapi", "OpenAPI", data)
}

func (p *page) serveDocument(w http.ResponseWriter, r *http.Request) {
	for _, d := range p.documents {
		if d.Name == r.PathValue("name") {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(d.data) // fails only if the client has disconnected
			return
		}
	}
	http.NotFound(w, r)
}

// compressed serves files that are stored compressed, under their name and .gz.
func compressed(system fs.FS) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, err := system.Open(path.Clean(r.URL.Path) + ".gz")
		if err != nil {
			http.NotFound(w, r)
			return
		}
		defer func() { _ = f.Close() }()
		w.Header().Set("Content-Type", mime.TypeByExtension(path.Ext(r.URL.Path)))
		w.Header().Add("Vary", "Accept-Encoding")
		var content io.Reader = f
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			w.Header().Set("Content-Encoding", "gzip")
		} else if content, err = gzip.NewReader(f); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = io.Copy(w, content) // fails only if the client has disconnected
	})
}
