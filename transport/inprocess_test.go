package transport_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc"

	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

func TestInProcess_RefusesUnsupportedConfig(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	register := func(grpc.ServiceRegistrar) {}
	for name, test := range map[string]struct {
		ctx    context.Context
		server transport.ServerConfig
		want   string
	}{
		"a server that somebody else built": {t.Context(), transport.ServerConfig{GRPC: grpc.NewServer()}, "ServerConfig.GRPC"},
		"options of a grpc.Server": {
			t.Context(), transport.ServerConfig{Register: register, Options: []grpc.ServerOption{grpc.MaxConcurrentStreams(1)}}, "ServerConfig.Options",
		},
		"nothing to serve":        {t.Context(), transport.ServerConfig{}, "Register"},
		"a context that is ended": {ended, transport.ServerConfig{Register: register}, "canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := transport.InProcess().Open(test.ctx, test.server)
			if err == nil || conn != nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want an error that names %q", err, test.want)
			}
		})
	}
}
