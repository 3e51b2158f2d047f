package record

import (
	"context"
	"strconv"
	"strings"

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
	c, _ := ctx.Value(key{}).(*recording)
	if c == nil || c.recorder != r {
		return ""
	}
	return strconv.FormatUint(c.id, 10)
}

// Begin implements [service.Observer]. A call without a tag came over the gRPC
// listener. Reflection is not recorded.
func (r *Recorder) Begin(tag, method, transport string, md metadata.MD) service.CallObserver {
	if strings.HasPrefix(method, reflectionPrefix) {
		return nil
	}
	set := func(e *entry) {
		if e.called {
			return // a handler may make several calls
		}
		e.called, e.transport = true, transport
		e.log = e.log.append(partMethod, method).appendHeader(partMetadata, md)
	}
	if tag == "" {
		return rpc{r.begin(set)}
	}
	id, err := strconv.ParseUint(tag, 10, 64)
	if err != nil {
		return nil
	}
	c := rpc{recording{r, id}}
	c.update(set)
	return c
}

// An rpc is a call in a gRPC server.
type rpc struct{ recording }

func (c rpc) Received(m any) {
	c.update(func(e *entry) { e.add(partRequestMessage, &e.request, m) })
}

func (c rpc) Sent(m any) {
	c.update(func(e *entry) { e.add(partResponseMessage, &e.response, m) })
}

func (c rpc) End(err error) {
	s, ok := status.FromError(err)
	if !ok {
		s = status.FromContextError(err) // as grpc-go does
	}
	p := s.Proto() // nil for OK
	if proto.Size(p) > MaxPart {
		p = nil
	}
	c.update(func(e *entry) {
		e.answered, e.code, e.status = true, s.Code(), p
		if !e.http {
			e.end()
		}
	})
}

var _ service.Observer = (*Recorder)(nil)
