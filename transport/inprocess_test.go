package transport_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc"

	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

func TestInProcessRefusesWhatItCannotHonour(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	register := func(grpc.ServiceRegistrar) {}
	for name, test := range map[string]struct {
		ctx    context.Context
		server transport.Server
		want   string
	}{
		"a server that somebody else built": {t.Context(), transport.Server{GRPC: grpc.NewServer()}, "Server.GRPC"},
		"options of a grpc.Server": {
			t.Context(), transport.Server{Register: register, Options: []grpc.ServerOption{grpc.MaxConcurrentStreams(1)}}, "Server.Options",
		},
		"nothing to serve":        {t.Context(), transport.Server{}, "Register"},
		"a context that is ended": {ended, transport.Server{Register: register}, "canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := transport.InProcess().Open(test.ctx, test.server)
			if err == nil || conn != nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want an error that names %q", err, test.want)
			}
		})
	}
}
