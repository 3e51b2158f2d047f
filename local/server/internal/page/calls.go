package page

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/lambda-grpc/lambda-grpc-gateway/local/server/internal/record"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

// A row is one call in the list of calls.
type row struct {
	ID        uint64
	Time      string
	Method    string // of the RPC or, if it is not known, of the request
	Protocol  record.Protocol
	Transport string
	Code      string
	Failed    bool
	Duration  string
	RequestID string
	In, Out   string
	Running   bool
}

func newRow(c record.Call) row {
	r := row{
		ID: c.ID, Time: c.Start.Format("15:04:05.000"), Method: label(c), Protocol: c.Protocol, Transport: c.Transport,
		Code: c.Code.String(), Failed: c.Code != codes.OK, Duration: duration(c.Duration), RequestID: requestID(c),
		In: size(c.Request.Size), Out: size(c.Response.Size), Running: c.Running,
	}
	if c.HTTP != nil {
		r.In, r.Out = size(c.HTTP.Body.Size), size(c.HTTP.Answer.Size)
	}
	if c.Running {
		r.Code, r.Failed, r.Duration = "running", false, ""
	}
	return r
}

// label returns the method of the RPC or, if it is not known, the method and path
// of the HTTP request.
func label(c record.Call) string {
	if c.Method != "" || c.HTTP == nil {
		return strings.TrimPrefix(c.Method, "/")
	}
	path, _, _ := strings.Cut(c.HTTP.Target, "?")
	return c.HTTP.Method + " " + path
}

// requestID returns the request ID that the log has or, for a request that reached
// no service, that of the HTTP headers.
func requestID(c record.Call) string {
	id := service.RequestID(c.Metadata)
	if id == "" && c.HTTP != nil {
		id = cmp.Or(c.HTTP.Header.Get("X-Request-Id"), c.HTTP.AnswerHeader.Get("X-Request-Id"))
	}
	return id
}

func duration(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < time.Second:
		return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1e3)
	default:
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
}

func size(n int64) string {
	if n < 10_000 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%d kB", n/1000)
}

func (p *page) showCalls(w http.ResponseWriter, r *http.Request) {
	version := fmt.Sprintf(`"%x-%x"`, p.started, p.Recorder.Version())
	w.Header().Set("ETag", version)
	if r.Header.Get("If-None-Match") == version {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	all := p.Recorder.Calls()
	data := struct {
		Rows                   []row
		Kept                   int
		Method, Code           string // the filter
		Methods, Codes         []string
		Histograms             []histogram
		Address, Query, Prefix string
	}{Kept: len(all), Method: r.FormValue("method"), Code: r.FormValue("code"), Address: p.HTTPAddress, Prefix: p.Prefix}
	var shown []record.Call
	for _, c := range all {
		row := newRow(c)
		data.Methods, data.Codes = append(data.Methods, row.Method), append(data.Codes, row.Code)
		if matches(row, data.Method, data.Code) {
			shown = append(shown, c)
			data.Rows = append(data.Rows, row)
		}
	}
	slices.Sort(data.Methods)
	slices.Sort(data.Codes)
	data.Methods, data.Codes = slices.Compact(data.Methods), slices.Compact(data.Codes)
	data.Histograms = histograms(shown)
	p.render(w, http.StatusOK, "calls", "Calls", data)
}

// matches reports whether a row passes the filter. method is a part of the method's
// name, in upper or lower case. code is the name of a code, or "failed" for all
// codes but OK.
func matches(r row, method, code string) bool {
	if !strings.Contains(strings.ToLower(r.Method), strings.ToLower(strings.TrimSpace(method))) {
		return false
	}
	return code == "" || code == r.Code || code == "failed" && r.Failed
}

// A histogram shows the durations of a method's calls.
type histogram struct {
	Method      string
	Count       int
	Median, Max string
	Bars        []bar
}

// A bar is one bar of a histogram, which is 20 units high.
type bar struct {
	Label     string
	Count     int
	X, Y, Top int // left edge, upper edge and height
}

// limits are the upper bounds of all bars but the last.
var limits = [...]time.Duration{
	time.Millisecond, 3 * time.Millisecond, 10 * time.Millisecond, 30 * time.Millisecond,
	100 * time.Millisecond, 300 * time.Millisecond, time.Second,
}

// histograms returns a histogram for each method with completed calls, sorted by
// name.
func histograms(calls []record.Call) []histogram {
	durations := map[string][]time.Duration{}
	for _, c := range calls {
		if !c.Running {
			durations[label(c)] = append(durations[label(c)], c.Duration)
		}
	}
	var all []histogram
	for method, list := range durations {
		slices.Sort(list)
		all = append(all, histogram{
			Method: method, Count: len(list), Bars: bars(list),
			Median: duration(list[len(list)/2]), Max: duration(list[len(list)-1]),
		})
	}
	slices.SortFunc(all, func(a, b histogram) int { return strings.Compare(a.Method, b.Method) })
	return all
}

// bars returns the bars for sorted durations.
func bars(sorted []time.Duration) []bar {
	const height, width = 20, 14
	all := make([]bar, len(limits)+1)
	most := 0
	for i := range all {
		if i < len(limits) {
			all[i].Label = "under " + limits[i].String()
		} else {
			all[i].Label = limits[i-1].String() + " and more"
		}
		for len(sorted) > 0 && (i == len(limits) || sorted[0] < limits[i]) {
			all[i].Count++
			sorted = sorted[1:]
		}
		most = max(most, all[i].Count)
	}
	for i := range all {
		all[i].X = i * width
		all[i].Top = max(1, all[i].Count*height/max(most, 1))
		all[i].Y = height - all[i].Top
	}
	return all
}

func parseID(r *http.Request) (uint64, error) { return strconv.ParseUint(r.PathValue("id"), 10, 64) }
