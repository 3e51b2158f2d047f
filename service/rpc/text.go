package rpc

import (
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"
)

// A textReader decodes base64 that may consist of several padded parts, as
// written by a sender that flushes in between (the gRPC-Web protocol,
// "Message framing").
type textReader struct {
	io.Closer
	source  io.Reader
	input   [4 << 10]byte
	quad    int // number of bytes at the start of input that are an incomplete group of four
	output  [3 << 10]byte
	decoded []byte // the part of output that has not been read
	err     error
}

func newTextReader(body io.ReadCloser) *textReader { return &textReader{Closer: body, source: body} }

// Read implements [io.Reader].
func (r *textReader) Read(p []byte) (int, error) {
	for len(r.decoded) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		r.fill()
	}
	n := copy(p, r.decoded)
	r.decoded = r.decoded[n:]
	return n, nil
}

var errBase64 = errors.New("the body is not base64")

// fill reads and decodes some of the source.
func (r *textReader) fill() {
	n, err := r.source.Read(r.input[r.quad:])
	r.err = err
	text := r.input[:r.quad+n]
	written := 0
	for len(text) >= 4 {
		n, err := base64.StdEncoding.Decode(r.output[written:], text[:4])
		written += n
		if err != nil || n == 0 {
			r.err = errBase64
			break
		}
		text = text[4:]
	}
	r.quad = copy(r.input[:], text)
	if errors.Is(r.err, io.EOF) && r.quad > 0 {
		r.err = errBase64
	}
	r.decoded = r.output[:written]
}

// A textWriter writes a gRPC-Web response in base64. Each flush pads the
// output, so that the client can decode it.
type textWriter struct {
	http.ResponseWriter
	wroteHeader bool
	rest        []byte // up to two bytes, kept until there are three to encode
	encoded     []byte
}

func newTextWriter(w http.ResponseWriter) *textWriter { return &textWriter{ResponseWriter: w} }

// WriteHeader implements [http.ResponseWriter].
func (w *textWriter) WriteHeader(code int) {
	if !w.wroteHeader {
		w.wroteHeader = true
		header := w.Header()
		if contentType := header.Get("Content-Type"); strings.HasPrefix(contentType, grpcWeb) {
			header.Set("Content-Type", strings.Replace(contentType, grpcWeb, grpcWebText, 1))
		}
	}
	w.ResponseWriter.WriteHeader(code)
}

// Write implements [http.ResponseWriter].
func (w *textWriter) Write(p []byte) (int, error) {
	if !w.wroteHeader {
		w.WriteHeader(http.StatusOK)
	}
	if !strings.HasPrefix(w.Header().Get("Content-Type"), grpcWebText) {
		return w.ResponseWriter.Write(p) // an error in plain text
	}
	written := len(p)
	w.encoded = w.encoded[:0]
	if len(w.rest) > 0 {
		n := min(3-len(w.rest), len(p))
		w.rest, p = append(w.rest, p[:n]...), p[n:]
		if len(w.rest) < 3 {
			return written, nil
		}
		w.encoded = base64.StdEncoding.AppendEncode(w.encoded, w.rest)
	}
	whole := len(p) - len(p)%3
	w.encoded = base64.StdEncoding.AppendEncode(w.encoded, p[:whole])
	w.rest = append(w.rest[:0], p[whole:]...)
	if _, err := w.ResponseWriter.Write(w.encoded); err != nil {
		return 0, err
	}
	return written, nil
}

// Flush implements [http.Flusher].
func (w *textWriter) Flush() {
	if !w.wroteHeader {
		w.WriteHeader(http.StatusOK)
	}
	w.end()
	_ = http.NewResponseController(w.ResponseWriter).Flush()
}

// end writes the remaining bytes.
func (w *textWriter) end() {
	if len(w.rest) > 0 {
		_, _ = w.ResponseWriter.Write(base64.StdEncoding.AppendEncode(w.encoded[:0], w.rest))
		w.rest = w.rest[:0]
	}
}

// Unwrap implements the interface that [http.ResponseController] looks for.
func (w *textWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
