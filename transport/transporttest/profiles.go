package transporttest

import (
	"bytes"
	"context"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"

	"google.golang.org/protobuf/types/known/wrapperspb"
)

// profileScenarios test what profiles of the process show.
var profileScenarios = []scenario{
	{
		name: "no handler has the pprof labels of another client",
		server: serving(func(s *recorder) *service {
			return &service{
				unary: func(_ context.Context, text string) (string, error) {
					profiledHandler(s, text)
					return text, nil
				},
				bidi: func(end *serverEnd) error {
					text, err := end.recv()
					if err == nil {
						profiledHandler(s, text)
					}
					return err
				},
			}
		}),
		client: func(ctx context.Context, s *recorder) {
			// call has several unary calls and streams in flight at a time
			// and returns a profile of the goroutines meanwhile.
			call := func(ctx context.Context, round string) string {
				var calls sync.WaitGroup
				for range 4 {
					calls.Go(func() {
						if err := s.say(ctx, round); err != nil {
							s.Error(err)
						}
					})
					calls.Go(func() {
						stream, err := s.conn.NewStream(ctx, bidiDesc, bidi)
						if err != nil {
							s.Error(err)
							return
						}
						if err := stream.SendMsg(wrapperspb.String(round)); err != nil {
							s.Error(err)
						}
						_ = stream.RecvMsg(new(wrapperspb.StringValue))
					})
				}
				s.awaitServer(ctx, 8, round)
				var profile bytes.Buffer
				if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
					s.Error(err)
				}
				s.mark(round)
				calls.Wait()
				return profile.String()
			}
			pprof.Do(ctx, pprof.Labels("client", "another"), func(ctx context.Context) { call(ctx, "labelled") })
			handlers, labelled := 0, 0
			for record := range strings.SplitSeq(call(ctx, "unlabelled"), "\n\n") {
				if strings.Contains(record, "profiledHandler") {
					handlers++
					if strings.Contains(record, `"another"`) {
						labelled++
					}
				}
			}
			s.clientSaw("handlers seen %t, %d with labels", handlers > 0, labelled)
		},
	},
	{
		name: "the block profile shows a client that waits",
		server: serving(func(s *recorder) *service {
			return &service{unary: func(_ context.Context, text string) (string, error) {
				if text == "wait" {
					s.mark("called")
					<-s.marked("released")
				}
				return text, nil
			}}
		}),
		client: func(ctx context.Context, s *recorder) {
			s.invokeEach(ctx, "first", "second")
			before := blocked("waitingClient")
			runtime.SetBlockProfileRate(1)
			defer runtime.SetBlockProfileRate(0)
			var call sync.WaitGroup
			call.Go(func() { waitingClient(ctx, s) })
			s.await("called")
			s.mark("released")
			call.Wait()
			s.clientSaw("in the profile: %t", blocked("waitingClient") > before)
		},
	},
}

// profiledHandler waits until the mark of its round.
//
//go:noinline
func profiledHandler(s *recorder, round string) {
	s.serverSaw("%s", round)
	<-s.marked(round)
}

//go:noinline
func waitingClient(ctx context.Context, s *recorder) { _ = s.invoke(ctx, "wait") }

// blocked returns how many waits in the block profile come from the named
// function.
func blocked(function string) (count int64) {
	n, _ := runtime.BlockProfile(nil)
	records := make([]runtime.BlockProfileRecord, n+100)
	n, _ = runtime.BlockProfile(records)
	for _, record := range records[:n] {
		frames := runtime.CallersFrames(record.Stack())
		for more := true; more; {
			var frame runtime.Frame
			if frame, more = frames.Next(); strings.HasSuffix(frame.Function, "."+function) {
				count += record.Count
				break
			}
		}
	}
	return count
}
