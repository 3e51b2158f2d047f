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
