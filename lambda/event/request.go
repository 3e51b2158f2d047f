package event

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// newRequest makes the request that net/http's server would have made of what
// the client sent. An error of type *Error is to be answered, another one means
// that the event is not what it seems to be. The caller calls cancel after the
// handler has returned.
func (h *Handler) newRequest(ctx context.Context, src source, e *envelope) (_ *http.Request, cancel context.CancelFunc, _ error) {
	w, err := src.request(e)
	if err != nil {
		return nil, nil, err
	}
	if !isToken(w.method) {
		return nil, nil, badRequest("the method is invalid")
	}
	u := &url.URL{RawQuery: w.rawQuery}
	if err := setPath(u, &w, h.basePath); err != nil {
		return nil, nil, err
	}
	body, length, err := readBody(e)
	if err != nil {
		return nil, nil, err
	}
	ip, remote := clientAddress(w.client)
	info, err := newInfo(ctx, src, e, ip)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel = h.withDeadline(context.WithValue(ctx, infoKey{}, &carried{
		Info:     info,
		textBody: info.Source == RESTAPI && !e.base64 && length > 0,
	}))
	r := http.Request{
		Method:        w.method,
		URL:           u,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        w.header.fields,
		Body:          body,
		ContentLength: length,
		Host:          w.header.host,
		RemoteAddr:    remote,
		RequestURI:    u.RequestURI(),
	}
	if r.Host == "" {
		r.Host = w.host
	}
	if w.https {
		r.TLS = h.tls
	}
	return r.WithContext(ctx), cancel, nil
}

// readBody returns a request's body and its length.
func readBody(e *envelope) (io.ReadCloser, int64, error) {
	p := parser{s: e.body}
	var text string
	if e.body != "" {
		text = p.text()
	}
	if p.err != nil || text == "" {
		return http.NoBody, 0, p.err
	}
	if e.base64 {
		decoded, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, 0, badRequest("the body is not valid base64")
		}
		if len(decoded) == 0 {
			return http.NoBody, 0, nil
		}
		b := new(bytesBody)
		b.Reset(decoded)
		return b, int64(len(decoded)), nil
	}
	b := new(textBody)
	b.Reset(text)
	return b, int64(len(text)), nil
}

// textBody and bytesBody are bodies that there is no need to close.
type (
	textBody  struct{ strings.Reader }
	bytesBody struct{ bytes.Reader }
)

// Close implements io.Closer.
func (*textBody) Close() error { return nil }

// Close implements io.Closer.
func (*bytesBody) Close() error { return nil }

// clientAddress returns an address without and with a port, 0 if there is none
// in it, in the form of http.Request.RemoteAddr.
func clientAddress(client string) (ip, remote string) {
	if client == "" {
		return "", ""
	}
	if a, err := netip.ParseAddrPort(client); err == nil {
		return a.Addr().String(), a.String()
	}
	return client, net.JoinHostPort(client, "0")
}

// withDeadline ends ctx before the invocation ends, by the margin or by half of
// the time that is left, whichever is less.
func (h *Handler) withDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	left := time.Until(deadline)
	return context.WithDeadline(ctx, deadline.Add(-min(h.deadlineMargin, max(left, 0)/2)))
}
