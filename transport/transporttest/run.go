// Package transporttest is the conformance suite for transports. [Run] checks
// that each transport.Transport behaves as grpc-go does over a Unix socket. It
// runs each scenario on the socket and on the transports, and compares what the
// client and the handlers observe.
//
//	func TestConformance(t *testing.T) { transporttest.Run(t, transport.Unix("")) }
//
// # Permitted differences
//
// A transport may differ from the Unix socket only in the following points.
// Scenarios do not record them.
//
//   - The value of ":authority", the addresses of peers and the wire length
//     of headers. They are properties of the connection, not of the call.
//   - Whether a call that its connection ends or refuses is Unavailable or
//     Canceled, and the message. On a socket the code depends on which end of
//     the connection closes first, and the message describes a socket.
//   - The message of a DeadlineExceeded error. Over HTTP/2 it depends on
//     which side notices first.
//   - Whether metadata keys in upper case are refused if they were put into
//     a context without metadata.New, metadata.Pairs or
//     AppendToOutgoingContext. Code outside grpc-go cannot see them, since
//     metadata.FromOutgoingContext converts them to lower case.
//   - How a call fails if its handler passes response metadata that cannot
//     be sent, such as a key with a space, to grpc.SetHeader,
//     grpc.SendHeader, grpc.SetTrailer or ServerStream.SetTrailer. grpc-go
//     does not check it there; it is sent and breaks the stream.
//   - How many bytes may be unread before a sender waits, within bounds.
//   - Results that depend on which of two goroutines is faster over a
//     socket: whether a message sent before a cancellation is still received,
//     whether a handler starts when its client is about to give up, and
//     whether the handler then sees Canceled or DeadlineExceeded.
//   - Whether a client that has read a second response where one is
//     expected still waits for the status. grpc-go leaves such a stream open
//     until its context ends, although RecvMsg has returned an error.
//   - Compression: grpc.SetSendCompressor, ClientSupportedCompressors, and
//     the sizes of compressed messages.
package transporttest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/grpc"

	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// Run runs the suite on the transports, as subtests of t. It creates Unix sockets
// in a temporary directory for the comparison.
func Run(t *testing.T, transports ...transport.Transport) {
	for _, subject := range []struct {
		name      string
		scenarios []scenario
	}{
		{"messages", messageScenarios},
		{"metadata", metadataScenarios},
		{"response metadata", responseMetadataScenarios},
		{"contexts", contextScenarios},
		{"statuses", statusScenarios},
		{"methods", methodScenarios},
		{"limits", limitScenarios},
		{"call options", optionScenarios},
		{"streams", streamScenarios},
		{"ends of streams", streamEndScenarios},
		{"interceptors", interceptorScenarios},
		{"stats", statsScenarios},
		{"closing", closeScenarios},
		{"isolation", isolationScenarios},
		{"leftovers", leftoverScenarios},
		{"threads", threadScenarios()},
		{"profiles", profileScenarios},
	} {
		t.Run(subject.name, func(t *testing.T) {
			for _, s := range subject.scenarios {
				t.Run(s.name, func(t *testing.T) { s.compare(t, transports) })
			}
		})
	}
	t.Run("cancellation delay", func(t *testing.T) {
		for _, tr := range transports {
			t.Run(tr.Name(), func(t *testing.T) { testCancellationDelay(t, tr) })
		}
	})
}

// A scenario is a sequence of operations on a connection. It records what the
// client and the handlers observe.
type scenario struct {
	name string

	// server returns the server's configuration. Nil means an echo service
	// without interceptors.
	server func(*recorder) transport.ServerConfig

	// client performs the client's operations. The context is the same for
	// the whole scenario and ends if something hangs.
	client func(context.Context, *recorder)
}

// A transcript is the record of a run. The order of client and server events
// is not defined, so each side has its own list.
type transcript struct{ Client, Server []string }

// A recorder runs one scenario and records what the client and the server
// observe.
type recorder struct {
	*testing.T
	conn transport.Conn

	mu         sync.Mutex
	transcript transcript
	marks      map[string]chan struct{}
}

// scenarioTimeout bounds the run of a scenario. It passes only if something
// hangs.
const scenarioTimeout = 20 * time.Second

// clientSaw records an observation of the client.
func (s *recorder) clientSaw(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.transcript.Client = append(s.transcript.Client, fmt.Sprintf(format, args...))
}

// serverSaw records an observation of the server.
func (s *recorder) serverSaw(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.transcript.Server = append(s.transcript.Server, fmt.Sprintf(format, args...))
}

// compare runs s on a Unix socket and on the transports, and compares the
// transcripts.
func (s scenario) compare(t *testing.T, transports []transport.Transport) {
	want := s.run(t, socket{})
	if len(want.Client)+len(want.Server) == 0 {
		t.Error("the scenario recorded nothing")
	}
	for _, tr := range transports {
		t.Run(tr.Name(), func(t *testing.T) {
			if diff := cmp.Diff(want, s.run(t, tr)); diff != "" {
				t.Errorf("differs from grpc over a Unix socket (-socket +%s):\n%s", tr.Name(), diff)
			}
		})
	}
}

func (s scenario) run(t *testing.T, tr transport.Transport) transcript {
	before := goleak.IgnoreCurrent()
	ctx, cancel := context.WithTimeout(context.Background(), scenarioTimeout)
	defer cancel()
	rec := &recorder{T: t}
	server := transport.ServerConfig{Register: (&service{}).register}
	if s.server != nil {
		server = s.server(rec)
	}
	conn, err := tr.Open(ctx, server)
	if err != nil {
		t.Fatalf("opening %s: %v", tr.Name(), err)
	}
	rec.conn = conn
	s.client(ctx, rec)
	if err := conn.Close(); err != nil {
		t.Errorf("closing %s: %v", tr.Name(), err)
	}
	// All handlers have returned. goleak waits for the goroutines that they started.
	if err := goleak.Find(before); err != nil {
		t.Errorf("%s left goroutines behind: %v", tr.Name(), err)
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return transcript{slices.Clone(rec.transcript.Client), slices.Clone(rec.transcript.Server)}
}

// marked returns a channel that mark closes.
func (s *recorder) marked(name string) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.point(name)
}

// mark records that the scenario has reached a point. It may be called
// several times.
func (s *recorder) mark(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.point(name):
	default:
		close(s.point(name))
	}
}

func (s *recorder) point(name string) chan struct{} {
	if s.marks[name] == nil {
		if s.marks == nil {
			s.marks = make(map[string]chan struct{})
		}
		s.marks[name] = make(chan struct{})
	}
	return s.marks[name]
}

// await waits until the scenario has reached a point, and fails the test if
// it hangs.
func (s *recorder) await(name string) {
	select {
	case <-s.marked(name):
	case <-time.After(scenarioTimeout):
		s.Errorf("still waiting: %s", name)
	}
}

// awaitServer waits until the server has recorded n lines that start with
// prefix.
func (s *recorder) awaitServer(ctx context.Context, n int, prefix string) {
	for {
		got := 0
		s.mu.Lock()
		for _, line := range s.transcript.Server {
			if strings.HasPrefix(line, prefix) {
				got++
			}
		}
		s.mu.Unlock()
		if got >= n {
			return
		}
		select {
		case <-ctx.Done():
			s.Errorf("the server has recorded %q %d times, want %d", prefix, got, n)
			return
		case <-time.After(time.Millisecond):
		}
	}
}

// each calls f for each word in list.
func each(list string, f func(word string)) {
	for word := range strings.FieldsSeq(list) {
		f(word)
	}
}

var _ grpc.ClientConnInterface = (transport.Conn)(nil)
