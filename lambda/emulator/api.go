package emulator

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
)

// The Runtime API, https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html.
const (
	runtimeAPI   = "/2018-06-01/runtime/"
	extensionAPI = "/2020-01-01/extension/"

	headerRequestID       = "Lambda-Runtime-Aws-Request-Id"
	headerDeadline        = "Lambda-Runtime-Deadline-Ms"
	headerFunctionARN     = "Lambda-Runtime-Invoked-Function-Arn"
	headerTraceID         = "Lambda-Runtime-Trace-Id"
	headerClientContext   = "Lambda-Runtime-Client-Context"
	headerCognitoIdentity = "Lambda-Runtime-Cognito-Identity"
	headerTenantID        = "Lambda-Runtime-Aws-Tenant-Id"
	headerErrorType       = "Lambda-Runtime-Function-Error-Type"
	headerErrorBody       = "Lambda-Runtime-Function-Error-Body"
)

// maxErrorBytes bounds an error document. Lambda truncates longer ones.
const maxErrorBytes = MaxResponseBytes

// serve starts serving the Runtime API on the process's listener.
func (p *process) serve() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+runtimeAPI+"invocation/next", p.serveNext)
	mux.HandleFunc("POST "+runtimeAPI+"invocation/{id}/response", p.serveResponse)
	mux.HandleFunc("POST "+runtimeAPI+"invocation/{id}/error", p.serveError)
	mux.HandleFunc("POST "+runtimeAPI+"init/error", p.serveInitError)
	mux.HandleFunc("POST "+extensionAPI+"register", p.serveRegister)
	mux.HandleFunc("GET "+extensionAPI+"event/next", p.serveExtensionNext)
	p.server = &http.Server{
		Handler:        mux,
		MaxHeaderBytes: 2 << 20, // aws-lambda-go sends up to 1 MB of X-Ray error cause
		ErrorLog:       slog.NewLogLogger(p.logger.Handler(), slog.LevelDebug),
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			dropped := make(chan struct{})
			p.open.Store(conn, dropped)
			return context.WithValue(ctx, droppedKey{}, dropped)
		},
		ConnState: func(conn net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				p.conns.Add(1)
			case http.StateClosed, http.StateHijacked:
				p.open.Delete(conn)
				p.conns.Done()
			}
		},
	}
	go func() {
		defer close(p.served)
		_ = p.server.Serve(p.listener) // ends when the listener is closed
	}()
}

// droppedKey is the context key of a channel that is closed when the call's
// connection is dropped.
type droppedKey struct{}

// refuse responds to a call with an error in the Runtime API's format.
func refuse(w http.ResponseWriter, status int, errorType, message string) {
	respond(w, status, failure("", errorType, message).Payload)
}

func respond(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the caller may have died
}

func accept(w http.ResponseWriter) {
	respond(w, http.StatusAccepted, []byte(`{"status":"OK"}`))
}

// serveNext responds to GET /runtime/invocation/next with the next event.
func (p *process) serveNext(w http.ResponseWriter, r *http.Request) {
	dropped := r.Context().Value(droppedKey{}).(chan struct{})
	if !p.beginNext() {
		refuse(w, http.StatusForbidden, "InvalidStateTransition", "the previous invocation has no response yet")
		return
	}
	select {
	case inv := <-p.queue:
		if p.take(inv, dropped) {
			writeEvent(w, inv, p.cfg.arn())
			return
		}
		// The process is stopping: the call stays open until it has ended.
		select {
		case <-p.ending:
		case <-r.Context().Done():
		}
	case <-r.Context().Done():
		p.cancelNext()
	case <-dropped:
		p.cancelNext()
	case <-p.ending:
		p.cancelNext()
	}
}

func writeEvent(w http.ResponseWriter, inv *invocation, arn string) {
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Content-Length", strconv.Itoa(len(inv.request.Payload)))
	header.Set(headerRequestID, inv.id)
	header.Set(headerDeadline, strconv.FormatInt(inv.deadline.UnixMilli(), 10))
	header.Set(headerFunctionARN, arn)
	header.Set(headerTraceID, inv.request.TraceID)
	for name, value := range map[string]string{
		headerClientContext:   inv.request.ClientContext,
		headerCognitoIdentity: inv.request.CognitoIdentity,
		headerTenantID:        inv.request.TenantID,
	} {
		if value != "" {
			header.Set(name, value)
		}
	}
	_, _ = w.Write(inv.request.Payload) // fails only if the function died, which ends the invocation
}

// serveResponse receives the response to an invocation.
func (p *process) serveResponse(w http.ResponseWriter, r *http.Request) {
	inv := p.claim(r.PathValue("id"))
	if inv == nil {
		refuse(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
		return
	}
	if inv.streaming {
		p.receiveStream(w, r, inv)
		return
	}
	payload, err := io.ReadAll(io.LimitReader(r.Body, MaxResponseBytes+1))
	if err != nil {
		p.interrupted(inv)
		return
	}
	if len(payload) > MaxResponseBytes {
		p.refuseLarge(w, r, inv, MaxResponseBytes)
		return
	}
	response := Response{RequestID: inv.id, ContentType: r.Header.Get("Content-Type"), Payload: payload}
	p.complete(inv, result{response: response, err: trailerError(inv.id, r.Trailer)})
	accept(w)
}

// refuseLarge fails an invocation whose response exceeds limit. It reads the
// rest of the response, so that the function sees the status instead of a reset
// connection.
func (p *process) refuseLarge(w http.ResponseWriter, r *http.Request, inv *invocation, limit int64) {
	p.complete(inv, result{err: tooLargeError(inv.id, limit)})
	_, _ = io.Copy(io.Discard, r.Body)
	refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge",
		"Exceeded maximum allowed payload size ("+strconv.FormatInt(limit, 10)+" bytes).")
}

// receiveStream forwards a response as it arrives.
func (p *process) receiveStream(w http.ResponseWriter, r *http.Request, inv *invocation) {
	reader, writer := io.Pipe()
	if !p.begin(inv, writer, &Stream{RequestID: inv.id, ContentType: r.Header.Get("Content-Type"), Body: reader}) {
		_ = writer.Close() // the invocation failed at its deadline: the response is discarded
	}
	n, err := copyStream(writer, io.LimitReader(r.Body, MaxStreamBytes+1))
	switch {
	case err != nil:
		p.interrupted(inv)
	case n > MaxStreamBytes:
		p.refuseLarge(w, r, inv, MaxStreamBytes)
	default:
		p.complete(inv, result{err: trailerError(inv.id, r.Trailer)})
		accept(w)
	}
}

// begin delivers the stream to the caller that waits for inv. It returns false
// if inv has its result already.
func (p *process) begin(inv *invocation, pipe *io.PipeWriter, s *Stream) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if inv.finished {
		return false
	}
	inv.pipe = pipe
	inv.give(result{stream: s})
	return true
}

// copyStream copies r to w and writes each piece as soon as it is read. After a
// failed write it discards the rest, because the function's response is read to
// its end in any case. It returns only errors of reading.
func copyStream(w io.Writer, r io.Reader) (n int64, err error) {
	buffer := make([]byte, 32<<10)
	for {
		k, err := r.Read(buffer)
		n += int64(k)
		if k > 0 && w != nil {
			if _, werr := w.Write(buffer[:k]); werr != nil {
				w = nil
			}
		}
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// trailerError returns the failure that a function reports in the trailer of a
// response, or nil if it reports none.
func trailerError(requestID string, trailer http.Header) error {
	errorType := trailer.Get(headerErrorType)
	if errorType == "" {
		return nil
	}
	body, err := base64.StdEncoding.DecodeString(trailer.Get(headerErrorBody))
	if err != nil {
		return failure(requestID, errorType, "")
	}
	e := reported(requestID, body)
	e.Type = errorType
	return e
}

// serveError receives the error of an invocation.
func (p *process) serveError(w http.ResponseWriter, r *http.Request) {
	inv := p.claim(r.PathValue("id"))
	if inv == nil {
		refuse(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
		return
	}
	report, err := io.ReadAll(io.LimitReader(r.Body, maxErrorBytes))
	if err != nil {
		p.interrupted(inv)
		return
	}
	_, _ = io.Copy(io.Discard, r.Body)
	p.complete(inv, result{err: reported(inv.id, report)})
	accept(w)
}

// serveInitError receives the runtime's report that init failed. aws-lambda-go
// never sends one; other runtimes do.
func (p *process) serveInitError(w http.ResponseWriter, r *http.Request) {
	report, err := io.ReadAll(io.LimitReader(r.Body, maxErrorBytes))
	if err != nil {
		return // the process died: its exit status becomes the init error
	}
	accept(w)
	_ = http.NewResponseController(w).Flush() // before initFailed kills the process
	p.initFailed(report)
}
