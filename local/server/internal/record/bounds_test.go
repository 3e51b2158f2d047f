package record_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/local/server/internal/record"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// Twice the parts of all calls, since a slice grows by up to that.
const memoryBound = record.MaxCalls * 8 * record.MaxPart * 2

func TestTenThousandCallsStayWithinTheBound(t *testing.T) {
	r, _, h := open(t, transport.InProcess())
	large := strings.Repeat("x", record.MaxPart+1000)
	plain := r.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Large", large)
		if _, err := io.Copy(w, r.Body); err != nil {
			t.Error(err)
		}
	}))
	before := heap()
	send := func(text string) {
		req := httptest.NewRequestWithContext(t.Context(), "POST", "/?"+text[:record.MaxPart+1], strings.NewReader(text))
		req.Header["X-Large"] = []string{text}
		plain.ServeHTTP(discard{http.Header{}}, req)
	}
	for range 10_000 {
		send(large)
	}
	if got := heap() - before; got > memoryBound {
		t.Errorf("%d bytes are kept of many calls, want at most %d", got, memoryBound)
	}
	for range record.MaxCalls {
		send(strings.Repeat(large, 20))
	}
	if got := heap() - before; got > memoryBound {
		t.Errorf("%d bytes are kept of large calls, want at most %d", got, memoryBound)
	}
	for range record.MaxCalls / 10 {
		if w := do(t, h, "POST", "/v1/echo/7", "application/json", `{"text":"`+large[:record.MaxPart-100]+`"}`); w.Code != http.StatusOK {
			t.Fatal(w.Body)
		}
		if w := do(t, h, "GET", "/v1/echo/7/stream?count=1000", "", ""); w.Code != http.StatusOK {
			t.Fatal(w.Body)
		}
	}
	calls := r.Calls()
	if len(calls) != record.MaxCalls {
		t.Errorf("%d calls are kept", len(calls))
	}
	stream, unary := calls[0], calls[1]
	if stream.Response.Count != 1000 || len(stream.Response.Data) >= 1000 || len(stream.Response.Data) == 0 {
		t.Errorf("%d of %d messages are kept", len(stream.Response.Data), stream.Response.Count)
	}
	if len(unary.Request.Data) != 1 || !unary.HTTP.Body.Whole() || unary.HTTP.Answer.Whole() && len(unary.HTTP.Answer.Data) > record.MaxPart {
		t.Errorf("%d messages, a body of %d bytes", len(unary.Request.Data), unary.HTTP.Body.Size)
	}
	runtime.KeepAlive(r)
}

// The Content-Type may be among the headers that are not kept.
func TestTheProtocolOfACallWithLargeHeaders(t *testing.T) {
	r, _, h := open(t, transport.InProcess())
	for range 20 { // the headers have no order
		req := httptest.NewRequestWithContext(t.Context(), "POST", echo, strings.NewReader(""))
		req.Header.Set("Content-Type", "application/grpc-web+proto")
		req.Header.Set("X-Large", strings.Repeat("x", record.MaxPart))
		h.ServeHTTP(httptest.NewRecorder(), req)
		if got := latest(t, r).Protocol; got != record.GRPCWeb {
			t.Errorf("the protocol is %s", got)
		}
	}
}

// A body takes the memory of its bytes, in however many pieces it comes.
func TestSmallWritesTakeNoMoreMemory(t *testing.T) {
	for size := range 2 {
		r := record.New(nil, "")
		h := r.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for range record.MaxPart / 2 {
				_, _ = w.Write(make([]byte, size))
			}
		}))
		before := heap()
		for range record.MaxCalls {
			h.ServeHTTP(discard{http.Header{}}, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
		}
		if got := heap() - before; got > 1<<20 {
			t.Errorf("%d bytes are kept of writes of %d bytes", got, size)
		}
		runtime.KeepAlive(r)
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// discard is an answer that nobody reads.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

func TestPartsAreCutAtTheBound(t *testing.T) {
	text := func(n int) string { return strings.Repeat("x", n) }
	t.Run("a body in pieces", func(t *testing.T) {
		for _, size := range []int{0, 1, record.MaxPart - 1, record.MaxPart, record.MaxPart + 1, 3 * record.MaxPart} {
			for _, piece := range []int{1, 1000, record.MaxPart, 2 * record.MaxPart} {
				r := record.New(nil, "")
				do(t, r.Handler(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
					if _, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{req.Body}, make([]byte, piece)); err != nil {
						t.Error(err)
					}
				})), "POST", "/", "", text(size))
				c := latest(t, r)
				for _, b := range []record.Body{c.HTTP.Body, c.HTTP.Answer} {
					if string(b.Data) != text(min(size, record.MaxPart)) || b.Size != int64(size) || b.Whole() != (size <= record.MaxPart) {
						t.Errorf("%d bytes in pieces of %d: %d of %d", size, piece, len(b.Data), b.Size)
					}
				}
			}
		}
	})
	t.Run("a target, a header", func(t *testing.T) {
		r := record.New(nil, "")
		request := httptest.NewRequestWithContext(t.Context(), "GET", "/?"+text(record.MaxPart), nil)
		request.Header = http.Header{"A": {text(record.MaxPart / 2), text(record.MaxPart), "small"}}
		r.Handler(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), request)
		c := latest(t, r)
		if got := len(c.HTTP.Target); got != record.MaxPart {
			t.Errorf("%d bytes of the target", got)
		}
		if h := c.HTTP.Header; len(h.Values("A")) != 1 || len(h[record.Cut]) != 1 {
			t.Errorf("%d values, %q", len(h.Values("A")), h[record.Cut])
		}
	})
	t.Run("messages", func(t *testing.T) {
		for size, want := range map[int]int{10: 4, record.MaxPart - 500: 4, record.MaxPart: 1, 3 * record.MaxPart: 1} {
			r := record.New(nil, "")
			rpc := r.Begin("", echo, "tcp", nil)
			for _, m := range []*testv1.EchoRequest{{Text: "first"}, {Text: text(size)}, {Text: "third"}, {}} {
				rpc.Received(m)
			}
			m := latest(t, r).Request
			if len(m.Data) != want || m.Count != 4 || string(m.Data[0][2:]) != "first" {
				t.Errorf("a second message of %d bytes: %d of %d are kept", size, len(m.Data), m.Count)
			}
		}
	})
}

// A message that changes while it is encoded may have another size than expected.
func TestAMessageThatCannotBeEncodedIsCounted(t *testing.T) {
	r := record.New(nil, "")
	rpc := r.Begin("", echo, "tcp", nil)
	rpc.Received(&testv1.EchoRequest{Text: "first"})
	rpc.Received(&testv1.EchoRequest{Text: "not UTF-8: \xff"})
	rpc.Received(&testv1.EchoRequest{Text: "third"})
	rpc.Sent(&testv1.EchoResponse{Text: "fourth"})
	c := latest(t, r)
	if len(c.Request.Data) != 1 || c.Request.Count != 3 || len(c.Response.Data) != 1 || string(c.Response.Data[0][2:]) != "fourth" {
		t.Errorf("%+v, %+v", c.Request, c.Response)
	}
}

func FuzzWhatIsSentIsRecorded(f *testing.F) {
	r := record.New(nil, "")
	f.Add("name", "value", "body", uint8(1))
	f.Add("", "\x00\xff", strings.Repeat("x", record.MaxPart+1), uint8(255))
	f.Add(strings.Repeat("n", record.MaxPart), "", "", uint8(0))
	f.Fuzz(func(t *testing.T, name, value, body string, piece uint8) {
		request := httptest.NewRequestWithContext(t.Context(), "POST", "/", strings.NewReader(body))
		request.Header = http.Header{name: {value, ""}}
		r.Handler(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			_, _ = io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{req.Body}, make([]byte, int(piece)+1))
		})).ServeHTTP(httptest.NewRecorder(), request)
		c := latest(t, r).HTTP
		want := body[:min(len(body), record.MaxPart)]
		if string(c.Body.Data) != want || string(c.Answer.Data) != want || c.Body.Size != int64(len(body)) {
			t.Errorf("a body of %d bytes: %d and %d of %d", len(body), len(c.Body.Data), len(c.Answer.Data), c.Body.Size)
		}
		if c.Header[record.Cut] == nil && !slices.Equal(c.Header[name], []string{value, ""}) || len(name)+len(value) > record.MaxPart && c.Header[record.Cut] == nil {
			t.Errorf("header %q", c.Header)
		}
	})
}
