package transporttest

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// threadScenarios runs threadKinds, which use runtime.LockOSThread, on a new
// connection and on one that has served many concurrent calls. A transport
// that keeps goroutines has some by then.
func threadScenarios() []scenario {
	var scenarios []scenario
	for _, kind := range threadKinds {
		scenarios = append(scenarios, scenario{
			name:   kind.name,
			server: serving(lockingService),
			client: func(ctx context.Context, s *recorder) {
				kind.client(ctx, s)
				s.burst(ctx) // idle goroutines must not interfere
			},
		}, scenario{
			name:   kind.name + ", after many calls at a time",
			server: serving(lockingService),
			client: func(ctx context.Context, s *recorder) {
				s.burst(ctx)
				kind.client(ctx, s)
				s.burst(ctx)
			},
		})
	}
	return scenarios
}

// lockingService follows the instruction in a text and then echoes it, as a
// unary method and for each message of a stream.
func lockingService(s *recorder) *service {
	do := func(ctx context.Context, text string) error {
		switch what, rest, _ := strings.Cut(text, " "); what {
		case "lock":
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
		case "keep":
			runtime.LockOSThread()
		case "lock-twice":
			runtime.LockOSThread()
			runtime.LockOSThread()
			runtime.UnlockOSThread()
		case "call": // from a locked thread
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			return s.say(ctx, rest)
		case "nest": // as many calls at a time as the rest has bytes
			if rest != "" {
				return s.say(ctx, "nest "+rest[1:])
			}
		case "slow":
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			s.mark("called")
			<-s.marked("released")
			s.mark("returned")
		}
		return nil
	}
	return &service{
		unary: func(ctx context.Context, text string) (string, error) { return text, do(ctx, text) },
		bidi: func(end *serverEnd) error {
			for {
				text, err := end.recv()
				if err != nil {
					return nil
				}
				if err = do(end.Context(), text); err == nil {
					err = end.send(text)
				}
				if err != nil {
					return err
				}
			}
		},
	}
}

// say makes a unary call and checks the response.
func (s *recorder) say(ctx context.Context, text string) error {
	reply := new(wrapperspb.StringValue)
	err := s.conn.Invoke(ctx, unary, wrapperspb.String(text), reply)
	if err == nil && reply.GetValue() != text {
		err = status.Errorf(codes.DataLoss, "the response to %q is %q", text, reply.GetValue())
	}
	return err
}

// converse sends texts on a new stream, receives as many messages, and ends
// it.
func (s *recorder) converse(ctx context.Context, texts ...string) {
	stream := s.stream(ctx, bidiDesc, bidi)
	for _, text := range texts {
		_ = stream.send(text)
		_ = stream.recv()
	}
	stream.closeSend()
	stream.drain()
}

// burst has many unary calls and streams in flight at a time.
func (s *recorder) burst(ctx context.Context) {
	s.clientSaw("burst of calls: %s", outcome(s.say(ctx, "nest "+strings.Repeat("x", 20))))
	var streams []*clientEnd
	for range 20 {
		stream := s.stream(ctx, bidiDesc, bidi)
		_ = stream.send("x")
		_ = stream.recv()
		streams = append(streams, stream)
	}
	for _, stream := range streams {
		stream.closeSend()
		stream.drain()
	}
}

// concurrently makes calls from n goroutines, and records how many failed.
func (s *recorder) concurrently(ctx context.Context, n int, start func(), texts ...string) {
	var failed atomic.Int32
	var clients sync.WaitGroup
	for range n {
		clients.Go(func() {
			start()
			for range 20 {
				for _, text := range texts {
					if err := s.say(ctx, text); err != nil {
						failed.Add(1)
					}
				}
			}
		})
	}
	clients.Wait()
	s.clientSaw("%d of the calls of %d clients failed", failed.Load(), n)
}

var threadKinds = []struct {
	name   string
	client func(context.Context, *recorder)
}{
	{"a handler locks its thread and unlocks it", func(ctx context.Context, s *recorder) {
		s.invokeEach(ctx, "lock", "x", "lock", "x")
		s.concurrently(ctx, 4, func() {}, "lock", "x")
	}},
	{"a handler leaves its thread locked", func(ctx context.Context, s *recorder) {
		s.invokeEach(ctx, "keep", "x", "keep", "lock-twice", "x", "x")
		s.concurrently(ctx, 4, func() {}, "keep", "x")
	}},
	{"a handler locks its thread and calls its own server", func(ctx context.Context, s *recorder) {
		s.invokeEach(ctx, "call x", "call keep", "call x")
		s.concurrently(ctx, 4, func() {}, "call x", "x", "call ")
	}},
	{"a handler locks its thread and is slow, and its client gives up", func(ctx context.Context, s *recorder) {
		leaving, cancel := context.WithCancel(ctx)
		go func() {
			s.await("called")
			cancel()
		}()
		_ = s.invoke(leaving, "slow")
		s.invokeEach(ctx, "x", "call x")
		s.mark("released")
		s.await("returned")
		s.invokeEach(ctx, "x")
	}},
	{"a client that is locked is alone", func(ctx context.Context, s *recorder) {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		s.invokeEach(ctx, "x", "x", "keep", "call x", "x")
		s.converse(ctx, "x", "keep", "call x")
		leaving, cancel := context.WithCancel(ctx)
		go func() {
			s.await("called")
			cancel()
		}()
		_ = s.invoke(leaving, "slow")
		s.mark("released")
		s.invokeEach(ctx, "x")
	}},
	{"a client that is locked calls after one that is not", func(ctx context.Context, s *recorder) {
		s.invokeEach(ctx, "x", "x")
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		s.invokeEach(ctx, "x", "call x")
		s.concurrently(ctx, 1, func() {}, "x")
		s.invokeEach(ctx, "x")
	}},
	{"clients that are locked and clients that are not share the server", func(ctx context.Context, s *recorder) {
		var clients sync.WaitGroup
		clients.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			for range 50 {
				if err := s.say(ctx, "x"); err != nil {
					s.Error(err)
				}
			}
		})
		s.concurrently(ctx, 4, func() {}, "x", "lock", "call x")
		clients.Wait()
	}},
	{"clients end with their threads locked", func(ctx context.Context, s *recorder) {
		// A callback from C does this, on a thread that is new to Go.
		for range 3 {
			s.concurrently(ctx, 4, runtime.LockOSThread, "x")
			s.invokeEach(ctx, "x")
		}
	}},
	{"a stream leaves its thread locked", func(ctx context.Context, s *recorder) {
		s.converse(ctx, "keep")
		s.invokeEach(ctx, "x", "call x")
		s.converse(ctx, "x", "lock")
	}},
	{"a stream leaves its thread locked, another one makes a unary call", func(ctx context.Context, s *recorder) {
		for range 3 {
			s.converse(ctx, "keep")
			s.converse(ctx, "nest x", "call x")
			s.converse(ctx, "keep", "nest x")
		}
	}},
}

func (s *recorder) invokeEach(ctx context.Context, texts ...string) {
	for _, text := range texts {
		_ = s.invoke(ctx, text)
	}
}
