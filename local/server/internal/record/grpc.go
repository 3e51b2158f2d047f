package record

import (
	"context"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

const (
	healthPrefix     = "/grpc.health.v1.Health/"
	reflectionPrefix = "/grpc.reflection."
)

// Tag implements [service.Observer]. It returns the ID of the HTTP request.
func (r *Recorder) Tag(ctx context.Context) string {
	e := entryOf(ctx)
	if e == nil || e.recorder != r {
		return ""
	}
	return strconv.FormatUint(e.call.ID, 10)
}

// Begin implements [service.Observer]. A call without a tag came over the gRPC
// listener. Reflection is not recorded.
func (r *Recorder) Begin(tag, method, transport string, md metadata.MD) service.CallObserver {
	if strings.HasPrefix(method, reflectionPrefix) {
		return nil
	}
	var e *entry
	if tag == "" {
		e = &entry{}
		e.call.Protocol = GRPC
		r.add(e)
	} else {
		id, _ := strconv.ParseUint(tag, 10, 64)
		if e = r.entry(id); e == nil {
			return nil // the call is no longer kept
		}
	}
	flat := flatten(md)
	e.update(func(call *Call) {
		call.Method, call.Transport, e.metadata = method, transport, flat
	})
	return rpc{e}
}

// An rpc is a call in a gRPC server.
type rpc struct{ entry *entry }

func (c rpc) Received(m any) {
	c.entry.update(func(call *Call) { call.Request.add(m, &c.entry.space[0]) })
}
func (c rpc) Sent(m any) {
	c.entry.update(func(call *Call) { call.Response.add(m, &c.entry.space[1]) })
}

func (c rpc) End(err error) {
	c.entry.update(func(call *Call) {
		c.entry.answered = true
		call.Code, call.Status = codes.OK, nil
		if err == nil {
			return
		}
		s, ok := status.FromError(err)
		if !ok {
			s = status.FromContextError(err) // as grpc-go does
		}
		call.Code = s.Code()
		if p := s.Proto(); proto.Size(p) <= MaxPart {
			call.Status = p
		}
	})
	if c.entry.call.HTTP == nil {
		c.entry.end()
	}
}

var _ service.Observer = (*Recorder)(nil)
