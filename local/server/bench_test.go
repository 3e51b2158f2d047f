package server_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testlog"
)

// BenchmarkRequest compares requests to a server with the page to those to one
// without, in the CPU time of the server's process. The servers take turns, batch by
// batch, and each comes first every other time.
func BenchmarkRequest(b *testing.B) {
	for _, transport := range []string{"tcp", "unix", "inproc"} {
		b.Run(transport, func(b *testing.B) {
			urls := []string{startProcess(b, transport, "off"), startProcess(b, transport, "localhost:0")}
			var costs [2][]float64 // off, on
			for i := 0; b.Loop(); i++ {
				for turn := range urls {
					server := (i + turn) % 2
					costs[server] = append(costs[server], batch(b, urls[server]))
				}
			}
			slices.Sort(costs[0])
			slices.Sort(costs[1])
			off, on := costs[0][len(costs[0])/2], costs[1][len(costs[1])/2]
			b.ReportMetric(off/1000, "off-µs/request")
			b.ReportMetric(on/off, "on/off")
		})
	}
}

// startProcess returns the URL of a local server in a process of its own.
func startProcess(b *testing.B, transport, docs string) string {
	b.Helper()
	log := &testlog.Buffer{}
	server := exec.CommandContext(b.Context(), thisBinary(b), "-http-address", "localhost:0", "-grpc-address", "off", "-metrics-address", "off")
	server.Env = append(os.Environ(), runAsServer+"=1", "TRANSPORT="+transport, "DOCS="+docs)
	server.Stderr = log
	if err := server.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = server.Wait() }) // the context has ended and killed it
	log.Wait(b, "msg=serving")
	return match(log.String(), ` http=(http://\S+)`)
}

// batch sends some requests and returns the server's CPU time for one, in nanoseconds.
func batch(b *testing.B, url string) float64 {
	b.Helper()
	const requests = 100
	begin := cpuTime(b, url)
	for range requests {
		response, err := http.Post(url+"/v1/echo/7", "application/json", strings.NewReader(`{"text":"hello","tags":["a","b"]}`))
		if err != nil {
			b.Fatal(err)
		}
		if body := read(b, response); !strings.Contains(body, `"hello"`) {
			b.Fatal(body)
		}
	}
	return (cpuTime(b, url) - begin) / requests
}

// cpuTime returns the CPU time that a server has taken, in nanoseconds.
func cpuTime(b *testing.B, url string) float64 {
	b.Helper()
	response, err := http.Get(url + cpuPath)
	if err != nil {
		b.Fatal(err)
	}
	total, err := strconv.ParseFloat(read(b, response), 64)
	if err != nil {
		b.Fatal(err)
	}
	return total
}

func read(b *testing.B, response *http.Response) string {
	b.Helper()
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		b.Fatal(err)
	}
	return string(body)
}

// cpuPath is the path at which a server in a process of its own tells its CPU time.
const cpuPath = "/cpu"

func serveCPUTime(w http.ResponseWriter, _ *http.Request) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprint(w, usage.Utime.Nano()+usage.Stime.Nano())
}
