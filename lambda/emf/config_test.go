package emf_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emf"
)

func TestNewRefusesWhatCloudWatchWould(t *testing.T) {
	many := make([]string, 30)
	for i := range many {
		many[i] = fmt.Sprintf("l%d", i)
	}
	for name, test := range map[string]struct {
		config emf.Config
		want   string
	}{
		"no namespace":                 {emf.Config{}, "namespace is missing"},
		"a namespace of AWS":           {emf.Config{Namespace: "AWS/Lambda"}, `"AWS/Lambda"`},
		"a namespace with a colon":     {emf.Config{Namespace: ":a"}, `":a"`},
		"a namespace with a character": {emf.Config{Namespace: "a*b"}, `"a*b"`},
		"too long a namespace":         {emf.Config{Namespace: strings.Repeat("n", 256)}, "256 characters"},
		"too many dimensions":          {emf.Config{Namespace: "n", Dimensions: many, Fixed: map[string]string{"a": "b"}}, "31 dimensions"},
		"a dimension twice":            {emf.Config{Namespace: "n", Dimensions: []string{"a", "a"}}, `"a" is named twice`},
		"a dimension fixed as well":    {emf.Config{Namespace: "n", Fixed: map[string]string{"grpc_code": "b"}}, `"grpc_code" is named twice`},
		"a dimension without a name":   {emf.Config{Namespace: "n", Dimensions: []string{""}}, `name ""`},
		"a dimension with a colon":     {emf.Config{Namespace: "n", Dimensions: []string{":a"}}, `name ":a"`},
		"a dimension named level":      {emf.Config{Namespace: "n", Dimensions: []string{"level"}}, `name "level"`},
		"a dimension in other letters": {emf.Config{Namespace: "n", Dimensions: []string{"é"}}, `name "é"`},
		"an empty fixed value":         {emf.Config{Namespace: "n", Fixed: map[string]string{"a": ""}}, `value ""`},
		"a fixed value in letters":     {emf.Config{Namespace: "n", Fixed: map[string]string{"a": "é"}}, `value "é"`},
		"too long a fixed value":       {emf.Config{Namespace: "n", Fixed: map[string]string{"a": strings.Repeat("v", 1025)}}, "1024"},
		"an unknown level":             {emf.Config{Namespace: "n", Level: "loud"}, `level "LOUD"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := emf.New(new(bytes.Buffer), prometheus.NewRegistry(), test.config)
			if err == nil || !strings.HasPrefix(err.Error(), "emf: reading the configuration: ") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got the error %v, want one that says %q", err, test.want)
			}
		})
	}
}
