package emulator_test

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
)

func openStream(t *testing.T, f *emulator.Function, c command) *emulator.Stream {
	t.Helper()
	s, err := f.Stream(t.Context(), emulator.Request{Payload: c.payload(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Body.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// open lets the function "stream" write its piece number n.
func open(t *testing.T, f *emulator.Function, n int) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(f.Config().TempDir, strconv.Itoa(n)), nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestStreamArrivesPieceByPiece(t *testing.T) {
	f := start(t, config(t, "commands"))
	s := openStream(t, f, command{Do: "stream", N: 3})
	if got, want := string(s.Prelude), `{"statusCode":201,"headers":{"content-type":"text/plain"}}`; got != want {
		t.Errorf("prelude %q, want %q", got, want)
	}
	if s.ContentType != emulator.StreamContentType || s.RequestID == "" {
		t.Errorf("content type %q, request id %q", s.ContentType, s.RequestID)
	}
	lines := bufio.NewReader(s.Body)
	for n := 1; n <= 3; n++ {
		line, err := lines.ReadString('\n')
		if err != nil || line != "piece "+strconv.Itoa(n)+"\n" {
			t.Fatalf("piece %d: %q, %v", n, line, err)
		}
		open(t, f, n)
	}
	if rest, err := io.ReadAll(lines); err != nil || len(rest) > 0 {
		t.Errorf("rest %q, %v", rest, err)
	}
}

func TestStreamThatFails(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		ending string
		is     error
		text   string
	}{
		"an error of the function arrives as a trailer": {"fail", nil, "errorString: torn"},
		"the process exits":                             {"exit", emulator.ErrExited, "exit status 3"},
		"the invocation runs into its deadline":         {"hang", emulator.ErrTimeout, "timed out after 1.00 seconds"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(t, "commands")
			if errors.Is(test.is, emulator.ErrTimeout) {
				cfg.Timeout = time.Second
			}
			f := start(t, cfg)
			s := openStream(t, f, command{Do: "stream", N: 1, Text: test.ending})
			body, err := io.ReadAll(s.Body)
			if string(body) != "piece 1\n" {
				t.Errorf("body %q", body)
			}
			var fe *emulator.FunctionError
			if !errors.As(err, &fe) || !strings.Contains(err.Error(), test.text) || (test.is != nil && !errors.Is(err, test.is)) {
				t.Errorf("error %v, want %q", err, test.text)
			}
			if got := invoke[string](t, f, command{Do: "echo", Text: "on"}); got != "on" {
				t.Errorf("next response %q", got)
			}
		})
	}
}

func TestStreamThatNeverBegins(t *testing.T) {
	f := start(t, config(t, "commands"))
	if s, err := f.Stream(t.Context(), emulator.Request{Payload: command{Do: "fail", Text: "no"}.payload(t)}); err == nil {
		t.Errorf("no error: %+v", s)
	}
	s := openStream(t, f, command{Do: "echo", Text: "plain"})
	body, err := io.ReadAll(s.Body)
	if s.Prelude != nil || s.ContentType != "application/json" || string(body) != `"plain"` || err != nil {
		t.Errorf("plain response: %+v, %q, %v", s, body, err)
	}
}

func TestStreamLargerThanABufferedAnswer(t *testing.T) {
	f := start(t, config(t, "commands"))
	const size = 3 * emulator.MaxResponseBytes
	s := openStream(t, f, command{Do: "large", N: size})
	if n, err := io.Copy(io.Discard, s.Body); err != nil || n != size {
		t.Errorf("%d bytes, %v", n, err)
	}
}

func TestStreamThatIsNotReadDoesNotHoldUpTheEnd(t *testing.T) {
	f := start(t, config(t, "commands"))
	openStream(t, f, command{Do: "large", N: 8 << 20})
	f.Kill()
	if got := invoke[string](t, f, command{Do: "echo", Text: "on"}); got != "on" {
		t.Errorf("next response %q", got)
	}
}

func TestStreamThatIsClosedEarlyRunsOn(t *testing.T) {
	f := start(t, config(t, "commands"))
	s := openStream(t, f, command{Do: "large", N: 8 << 20})
	if err := s.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if got := invoke[string](t, f, command{Do: "echo", Text: "on"}); got != "on" {
		t.Errorf("next response %q", got)
	}
	if n := len(f.Processes()); n != 1 {
		t.Errorf("%d processes, want 1", n)
	}
}
