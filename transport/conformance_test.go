package transport_test

import (
	"testing"

	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport/transporttest"
)

func TestConformance(t *testing.T) {
	transporttest.Run(t, transport.Unix(""), transport.Bufconn(), transport.TCP("localhost:0"), transport.InProcess())
}

func FuzzInProcess(f *testing.F) { transporttest.Fuzz(f, transport.InProcess()) }

// FuzzBufconn compares two connections of grpc-go. A difference is a fault of
// the comparison.
func FuzzBufconn(f *testing.F) { transporttest.Fuzz(f, transport.Bufconn()) }
