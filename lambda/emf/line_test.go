package emf_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emf"
)

func TestFlushSplitsLines(t *testing.T) {
	for name, test := range map[string]struct{ metrics, nameLength, lines int }{
		"a hundred metrics are one line":          {100, 10, 1},
		"one more is another":                     {101, 10, 2},
		"long names stay within the line's bytes": {250, 255, 3},
	} {
		t.Run(name, func(t *testing.T) {
			source := new(gathered)
			want := make(map[string]float64)
			for i := range test.metrics {
				name := fmt.Sprintf("n%0*d", test.nameLength-1, i)
				source.families = append(source.families, counterFamily(name, float64(i+1)))
				want["/"+name] = float64(i + 1)
			}
			exporter, out := newExporter(t, source, emf.Config{})
			documents := flush(t, exporter, out)
			if len(documents) != test.lines {
				t.Errorf("got %d lines, want %d", len(documents), test.lines)
			}
			if diff := cmp.Diff(want, numbers(t, documents)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A hundred names of the greatest length, a hundred values each, all with many
// digits: more than CloudWatch takes in one line.
func TestFlushKeepsLinesWithinTheirBytes(t *testing.T) {
	const metrics, buckets, each = 100, 100, 1e14
	var bounds []float64
	var cumulative []uint64
	sum := 0.0
	for i := range buckets {
		bounds = append(bounds, float64(i+1)/97)
		cumulative = append(cumulative, uint64(i+1)*(each+7))
		sum += (each + 7) * (float64(i) + 0.3) / 97
	}
	source := new(gathered)
	for i := range metrics {
		family := histogramFamily(sum, bounds, cumulative)
		family.Name = new(string)
		*family.Name = fmt.Sprintf("n%0254d", i)
		source.families = append(source.families, family)
	}
	exporter, out := newExporter(t, source, emf.Config{})
	documents := flush(t, exporter, out)
	if len(documents) != 2 {
		t.Errorf("got %d lines of %d bytes in all, want 2", len(documents), out.Len())
	}
	seen := 0
	for _, d := range documents {
		seen += len(d.AWS.CloudWatchMetrics[0].Metrics)
	}
	if seen != metrics {
		t.Errorf("got %d metrics, want %d", seen, metrics)
	}
}
