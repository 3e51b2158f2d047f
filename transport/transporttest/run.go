// Package transporttest is the conformance suite for transports. [Run] holds any
// transport.Transport to the behaviour of grpc-go over a Unix socket: it plays
// each of its scenarios on both and compares what client and handlers saw.
//
// # Permitted differences
//
// A transport may differ from the Unix socket in these points only. Scenarios
// do not record them.
//
//   - The value of ":authority", the addresses of peers, and the wire length of
//     headers: they are facts about the connection, not about the call.
//   - Whether a call that its connection ends or refuses is Unavailable or
//     Canceled, and the message: on a socket, that depends on which of the
//     connection's two ends closes first, and the message describes a socket.
//   - The message of an error that says that a deadline has passed: over HTTP/2
//     it depends on which side notices first.
//   - Whether metadata keys in upper case, put into a context without
//     metadata.New, metadata.Pairs or AppendToOutgoingContext, are refused:
//     outside grpc-go they cannot be seen, as metadata.FromOutgoingContext
//     lowers them.
//   - How a call fails whose handler gives response metadata that cannot be
//     sent, such as a key with a space, to grpc.SetHeader, grpc.SendHeader,
//     grpc.SetTrailer or ServerStream.SetTrailer. grpc-go does not check it
//     there; it goes out and breaks the stream.
//   - How many bytes may be unread before a sender waits, within bounds.
//   - What depends on which of two goroutines is faster over a socket: whether
//     a message sent before a cancellation is still received, whether a handler
//     starts when its client is about to leave, and whether the error that it
//     then sees says cancelled or deadline exceeded.
//   - Whether a client that has read a second response where one is due still
//     waits for the status: grpc-go leaves such a stream open until its context
//     ends, though RecvMsg has returned an error.
//   - Compression: grpc.SetSendCompressor, ClientSupportedCompressors, and
//     sizes of compressed messages.
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

// Run runs the suite on tr as subtests of t. It needs the file system for the
// Unix socket that tr is compared with.
func Run(t *testing.T, tr transport.Transport) {
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
				t.Run(s.name, func(t *testing.T) { s.compare(t, tr) })
			}
		})
	}
	t.Run("lateness", func(t *testing.T) { testCancellationDelay(t, tr) })
}

// A scenario is something that happens on a connection and what its client and
// its handlers see of it.
type scenario struct {
	name string

	// server describes the server; nil means an echo without interceptors.
	server func(*recorder) transport.ServerConfig

	// client plays the client's part. The context is the same for all that
	// belongs to a recorder and ends when something hangs.
	client func(context.Context, *recorder)
}

// A transcript is what was recorded while a scenario was played. Client and
// server take turns as they like, so each has its own.
type transcript struct{ Client, Server []string }

// A recorder is a scenario being played.
type recorder struct {
	*testing.T
	conn transport.Conn

	mu         sync.Mutex
	transcript transcript
	marks      map[string]chan struct{}
}

// scenarioTimeout is how long a scenario may take. Nothing in a scenario waits for it
// to pass unless something hangs.
const scenarioTimeout = 20 * time.Second

// clientSaw records what the client saw.
func (s *recorder) clientSaw(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.transcript.Client = append(s.transcript.Client, fmt.Sprintf(format, args...))
}

// serverSaw records what the server saw.
func (s *recorder) serverSaw(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.transcript.Server = append(s.transcript.Server, fmt.Sprintf(format, args...))
}

// compare plays s on tr and on a Unix socket.
func (s scenario) compare(t *testing.T, tr transport.Transport) {
	want := s.run(t, socket{})
	got := s.run(t, tr)
	if len(want.Client)+len(want.Server) == 0 {
		t.Error("the scenario recorded nothing")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s differs from grpc over a Unix socket (-socket +%s):\n%s", tr.Name(), tr.Name(), diff)
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
	// Handlers have returned; what they started has had the chance to.
	if err := goleak.Find(before); err != nil {
		t.Errorf("%s left goroutines behind: %v", tr.Name(), err)
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return transcript{slices.Clone(rec.transcript.Client), slices.Clone(rec.transcript.Server)}
}

// marked returns a channel that is closed by mark.
func (s *recorder) marked(name string) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.point(name)
}

// mark says that the recorder has got to some point, once or more often.
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

// await waits until the recorder has got to some point, in vain if it hangs.
func (s *recorder) await(name string) {
	select {
	case <-s.marked(name):
	case <-time.After(scenarioTimeout):
		s.Errorf("still waiting: %s", name)
	}
}

// awaitServer waits until the server has recorded a line that starts with
// prefix for the nth time.
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

// each calls f for the words in list.
func each(list string, f func(word string)) {
	for word := range strings.FieldsSeq(list) {
		f(word)
	}
}

var _ grpc.ClientConnInterface = (transport.Conn)(nil)
