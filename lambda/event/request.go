package event

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"
)

// newRequest sets inv.request to the request that net/http's server would make
// for the client. An error of type *Error is a response to the client; any other
// error means that the event is malformed. The caller calls inv.cancel after the
// handler has returned.
func (h *Handler) newRequest(ctx context.Context, inv *invocation, src source, e *envelope) error {
	if e.headSize() > maxHeadBytes {
		return headTooLarge()
	}
	w, err := src.request(e)
	if err != nil {
		return err
	}
	if !isToken(w.method) {
		return badRequest("the method is invalid")
	}
	u := &url.URL{RawQuery: w.rawQuery}
	if err := setPath(u, &w, h.basePath); err != nil {
		return err
	}
	body, length, err := readBody(e, h.maxBody)
	if err != nil {
		return err
	}
	ip, remote := clientAddress(w.client)
	info := newInfo(ctx, src, e, &w, ip)
	info.ColdStart = !h.started.Swap(true)
	ctx = context.WithValue(ctx, infoKey{}, &carried{
		Info:     info,
		textBody: info.Source == RESTAPI && !e.base64 && length > 0,
	})
	ctx, inv.cancel, inv.cutoff = h.withDeadline(ctx)
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
	inv.request = r.WithContext(ctx)
	return nil
}

// clientAddress returns the IP address in client, and the address with a port in
// the form of http.Request.RemoteAddr. The port is 0 if client has none.
func clientAddress(client string) (ip, remote string) {
	if client == "" {
		return "", ""
	}
	if a, err := netip.ParseAddrPort(client); err == nil {
		return a.Addr().String(), a.String()
	}
	return client, net.JoinHostPort(client, "0")
}

// withDeadline returns a context that ends before the invocation's deadline, by
// the margin or half of the time left, whichever is less. The cutoff is half-way
// between the two.
func (h *Handler) withDeadline(ctx context.Context) (_ context.Context, _ context.CancelFunc, cutoff time.Time) {
	deadline, ok := ctx.Deadline()
	if !ok {
		ctx, cancel := context.WithCancel(ctx)
		return ctx, cancel, time.Time{}
	}
	margin := min(h.deadlineMargin, max(time.Until(deadline), 0)/2)
	ctx, cancel := context.WithDeadline(ctx, deadline.Add(-margin))
	return ctx, cancel, deadline.Add(-margin / 2)
}
