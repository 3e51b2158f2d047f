// Package terraform_test compares the Terraform configuration with what lies
// outside it, which terraform test cannot see: the program that it deploys, and
// its own text.
package terraform_test

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/lambda-grpc/lambda-grpc-gateway/internal/config"
)

// A setting that only one side knows is either never read or never set.
func TestTheFunctionGetsTheVariablesThatTheProgramReads(t *testing.T) {
	set := settingsOf(t, "main.tf")
	table, err := config.NewTable(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	read := slices.Sorted(slices.Values(table.Variables(config.Function)))
	if !slices.Equal(set, read) {
		t.Errorf("main.tf sets    %v\nthe program reads %v", set, read)
	}
}

// settingsOf returns the keys of the local value settings, sorted.
func settingsOf(t *testing.T, file string) []string {
	t.Helper()
	block := regexp.MustCompile(`(?ms)^  settings = \{\n(.*?)^  \}$`).FindStringSubmatch(read(t, file))
	if block == nil {
		t.Fatalf("%s: no local value settings", file)
	}
	var names []string
	for _, line := range regexp.MustCompile(`(?m)^    (\w+)\s*=`).FindAllStringSubmatch(block[1], -1) {
		names = append(names, line[1])
	}
	slices.Sort(names)
	return names
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
