package telemetry_test

import (
	"cmp"
	"encoding/xml"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
)

var update = flag.Bool("update", false, "draw docs/images/trace.svg anew")

// TestPictureOfATrace draws the spans of one request to the function, for
// docs/telemetry.md. The existing picture must have the same spans.
func TestPictureOfATrace(t *testing.T) {
	c := newCollector(t)
	fn, _ := startFunction(t, c, emulator.Config{}, "TRANSPORT=unix")
	door := frontDoor(t, fn, frontdoor.HTTPAPI)
	const requests = 20 // the fastest is drawn
	for range requests {
		ask(t, door, "POST", "/v1/echo/7", `{"text":"hello"}`, "X-Amzn-Trace-Id", xrayHeader)
	}
	if err := fn.Close(); err != nil {
		t.Fatal(err)
	}
	spans := c.taken()
	if len(spans) != 3*requests {
		t.Fatalf("%d spans, want %d", len(spans), 3*requests)
	}
	spans = slices.MinFunc(slices.Collect(slices.Chunk(spans, 3)), func(a, b []span) int {
		return cmp.Compare(a[0].end-a[0].start, b[0].end-b[0].start)
	})
	path := filepath.Join("..", "..", "docs", "images", "trace.svg")
	if *update {
		if err := os.WriteFile(path, []byte(draw(spans)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	picture, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal(picture, new(struct{})); err != nil {
		t.Error(err)
	}
	for _, s := range spans {
		if label := label(s); !strings.Contains(string(picture), label) {
			t.Errorf("%s has no span %q: draw it anew with -update", path, label)
		}
	}
}

func label(s span) string { return s.Name + " (" + strings.ToLower(s.Kind) + ")" }

// draw returns an SVG with a bar for each span. The first span must be the
// longest.
func draw(spans []span) string {
	const width, left, row = 860, 20, 46
	begin, total := spans[0].start, spans[0].end-spans[0].start
	x := func(ns uint64) float64 { return left + float64(ns-begin)/float64(total)*(width-2*left) }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="13">`+"\n", width, row*len(spans)+40)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="white"/>`+"\n"+`<text x="%d" y="22" fill="#555">trace %s, parent %s of X-Ray, %s</text>`+"\n",
		left, spans[0].Trace, spans[0].Parent, microseconds(total))
	for i, s := range spans {
		y := 36 + row*i
		fmt.Fprintf(&b, `<rect x="%.1f" y="%d" width="%.1f" height="18" rx="2" fill="%s"/>`+"\n",
			x(s.start), y, max(x(s.end)-x(s.start), 2), []string{"#4878a8", "#8fb3d9", "#e0a050"}[i%3])
		fmt.Fprintf(&b, `<text x="%.1f" y="%d">%s %s</text>`+"\n", min(x(s.start), width/2), y+33, label(s), microseconds(s.end-s.start))
	}
	return b.String() + "</svg>\n"
}

func microseconds(ns uint64) string { return fmt.Sprintf("%d µs", ns/1000) }
