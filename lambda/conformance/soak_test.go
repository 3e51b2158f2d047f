package conformance_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
)

const atOnce = 16

// soakEvents returns how many events each process gets: SOAK_EVENTS, or 300.
func soakEvents(t *testing.T) int {
	v := os.Getenv("SOAK_EVENTS")
	if v == "" {
		return 300
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 100 {
		t.Fatalf("SOAK_EVENTS=%q: want a number from 100", v)
	}
	return n
}

// TestSoak sends many different events to one process, some of them concurrently. It
// checks every response, and the resources of the process afterwards.
func TestSoak(t *testing.T) {
	n := soakEvents(t)
	for name, env := range map[string][]string{
		"unix":             {"TRANSPORT=unix"},
		"bufconn":          {"TRANSPORT=bufconn"},
		"inproc":           {"TRANSPORT=inproc"},
		"tcp":              {"TRANSPORT=tcp"},
		"inproc, streamed": {"TRANSPORT=inproc", "RESPONSE_MODE=stream"},
	} {
		t.Run(name, func(t *testing.T) {
			few, many := startSoak(t, env), startSoak(t, env)
			few.send(t, 0, n/20)
			many.send(t, 0, n/2)
			half := many.state(t)
			many.send(t, n/2, n)
			all := many.state(t)
			if t.Failed() {
				return
			}
			if processes := len(many.fn.Processes()); processes != 1 {
				t.Errorf("%d processes, want 1", processes)
			}
			t.Logf("after %d: %+v; after %d: %+v", n/2, half, n, all)
			half.compare(t, all)
			a, b := few.goroutines(t), many.goroutines(t)
			t.Logf("goroutines after %d: %d, after %d: %d", n/20, a, n, b)
			if b > a+2*atOnce {
				t.Errorf("%d goroutines after %d events, %d after %d", b, n, a, n/20)
			}
		})
	}
}

// soak is one function behind all front doors.
type soak struct {
	fn     *emulator.Function
	output *bytes.Buffer // may be read after the function is closed
	doors  []http.Handler
}

func startSoak(t *testing.T, env []string) *soak {
	t.Helper()
	s := &soak{output: new(bytes.Buffer)}
	var err error
	s.fn, err = emulator.Start(context.Background(), emulator.Config{
		Path: binary(t), Concurrency: atOnce, Stderr: s.output,
		// With frequent garbage collections, the memory of the process is close to
		// that of its live objects.
		Env: append([]string{"GOGC=20", "GOTRACEBACK=all", "LOG_LEVEL=error"}, env...),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.fn.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, source := range frontdoor.Sources() {
		var options []frontdoor.Option
		if len(env) > 1 && (source == frontdoor.RESTAPI || source == frontdoor.FunctionURL) {
			options = append(options, frontdoor.WithStreaming())
		}
		door, err := frontdoor.New(s.fn, source, options...)
		if err != nil {
			t.Fatal(err)
		}
		s.doors = append(s.doors, door)
	}
	return s
}

// send sends the events whose numbers are at least from and less than to.
func (s *soak) send(t *testing.T, from, to int) {
	t.Helper()
	var next atomic.Int64
	next.Store(int64(from))
	var wg sync.WaitGroup
	for range atOnce {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= to || t.Failed() {
					return
				}
				if err := s.event(i); err != nil {
					t.Errorf("event %d: %v", i, err)
				}
			}
		})
	}
	wg.Wait()
}

// event sends event i through one of the front doors.
func (s *soak) event(i int) error {
	random := rand.New(rand.NewPCG(1, uint64(i)))
	door := s.doors[random.IntN(len(s.doors))]
	switch kind := random.IntN(10); kind {
	case 0, 1:
		return expect(door, "GET", "/v1/ping", "", 200, map[string]any{"message": "Pong"})
	case 2:
		return expect(door, "GET", fmt.Sprintf("/v1/echo/%d?number=x%d", i, i), "", 400, nil)
	case 3:
		return expect(door, "GET", fmt.Sprintf("/v1/nothing/%d", i), "", 404, nil)
	case 4:
		return expectStream(door, i, random.IntN(50))
	default:
		return expectEcho(door, i, random)
	}
}

// expectEcho sends a message that no other event has.
func expectEcho(door http.Handler, i int, random *rand.Rand) error {
	length := random.IntN(200)
	if random.IntN(50) == 0 {
		length = 50_000
	}
	data := make([]byte, length)
	for k := range data {
		data[k] = byte(random.Uint32())
	}
	message := map[string]any{
		"text": fmt.Sprintf("%d: \"é😀\"\n", i), "tags": []any{"a", strconv.Itoa(i)}, "number": strconv.Itoa(-i),
		"data": data, "nested": map[string]any{"name": "n", "count": float64(i)},
	}
	body, err := json.Marshal(message)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, &message); err != nil { // data as base64
		return err
	}
	message["id"], message["time"] = strconv.Itoa(i), nil
	return expect(door, "POST", "/v1/echo/"+strconv.Itoa(i), string(body), 200, message)
}

func serve(door http.Handler, method, target, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	door.ServeHTTP(w, r)
	return w
}

// expect checks that the response is the message want or, if want is nil, any error of
// the gateway.
func expect(door http.Handler, method, target, body string, status int, want map[string]any) error {
	w := serve(door, method, target, body)
	var got map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		return fmt.Errorf("%s %s: %d %.200s: %w", method, target, w.Code, w.Body, err)
	}
	if w.Code != status {
		return fmt.Errorf("%s %s: %d %.200s, want %d", method, target, w.Code, w.Body, status)
	}
	if want == nil && got["code"] != nil || want != nil && reflect.DeepEqual(got, want) {
		return nil
	}
	return fmt.Errorf("%s %s: got %.200v, want %.200v", method, target, got, want)
}

func expectStream(door http.Handler, i, count int) error {
	w := serve(door, "GET", fmt.Sprintf("/v1/echo/%d/stream?count=%d", i, count), "")
	decoder := json.NewDecoder(w.Body)
	for sequence := 1; sequence <= count; sequence++ {
		var message struct {
			Result struct {
				ID       string
				Sequence int
			}
		}
		if err := decoder.Decode(&message); err != nil {
			return fmt.Errorf("message %d of %d: %w", sequence, count, err)
		}
		if message.Result.ID != strconv.Itoa(i) || message.Result.Sequence != sequence {
			return fmt.Errorf("message %d of %d: got %+v", sequence, count, message)
		}
	}
	if decoder.More() || w.Code != 200 {
		return fmt.Errorf("%d, or more than %d messages", w.Code, count)
	}
	return nil
}

// state has the resources of a process.
type state struct {
	files, threads int
	resident       int64 // bytes
}

// state returns the resources of the idle process.
func (s *soak) state(t *testing.T) state {
	t.Helper()
	proc := fmt.Sprintf("/proc/%d", s.fn.Pid())
	files, err := os.ReadDir(proc + "/fd")
	if os.IsNotExist(err) {
		t.Log("there is no /proc here: files and memory are not looked at")
		return state{}
	}
	if err != nil {
		t.Fatal(err)
	}
	status, err := os.ReadFile(proc + "/status")
	if err != nil {
		t.Fatal(err)
	}
	out := state{files: len(files)}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		n, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		switch name {
		case "Threads":
			out.threads = int(n)
		case "VmRSS":
			out.resident = n << 10
		}
	}
	return out
}

// compare checks that the resources do not grow, except for the variation that the
// garbage collector and the scheduler cause.
func (half state) compare(t *testing.T, all state) {
	t.Helper()
	if all.files > half.files+4 {
		t.Errorf("%d open files at the end, %d in the middle", all.files, half.files)
	}
	if all.threads > half.threads+8 {
		t.Errorf("%d threads at the end, %d in the middle", all.threads, half.threads)
	}
	const spare = 6 << 20
	if all.resident > half.resident+spare {
		t.Errorf("%d bytes resident at the end, %d in the middle", all.resident, half.resident)
	}
}

// goroutines ends the process with SIGQUIT, so that Go prints all stacks, and
// returns how many goroutines there were.
func (s *soak) goroutines(t *testing.T) int {
	t.Helper()
	if err := syscall.Kill(s.fn.Pid(), syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	s.awaitExit(t) // Close would cut it short
	if err := s.fn.Close(); err != nil {
		t.Fatal(err)
	}
	n := strings.Count(s.output.String(), "\ngoroutine ")
	if n == 0 {
		t.Errorf("the process does not tell its goroutines:\n%s", s.output)
	}
	return n
}

// awaitExit waits until the process has ended by itself.
func (s *soak) awaitExit(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if processes := s.fn.Processes(); processes[len(processes)-1].State != nil {
			return
		}
	}
	t.Fatal("the process does not end after SIGQUIT")
}
