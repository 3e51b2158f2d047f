// Package terraform_test compares the Terraform configuration with what lies
// outside it, which terraform test cannot see: the program that it deploys, and
// its own text.
package terraform_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A setting that only one side knows is either never read or never set.
func TestTheFunctionGetsTheVariablesThatTheProgramReads(t *testing.T) {
	set := settingsOf(t, "main.tf")
	read := variablesOf(t, filepath.Join("..", "lambda"))
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

// variablesOf returns, sorted, what the Go files in dir, tests aside, give as
// Name: "..." in a composite literal: the program's table of variables.
func variablesOf(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if name, ok := nameField(n); ok {
				names = append(names, name)
			}
			return true
		})
	}
	if len(names) == 0 {
		t.Fatalf("%s: no Go file has a literal with Name: \"...\"", dir)
	}
	slices.Sort(names)
	return names
}

func nameField(n ast.Node) (string, bool) {
	field, ok := n.(*ast.KeyValueExpr)
	if !ok {
		return "", false
	}
	key, ok := field.Key.(*ast.Ident)
	if !ok || key.Name != "Name" {
		return "", false
	}
	value, ok := field.Value.(*ast.BasicLit)
	if !ok || value.Kind != token.STRING {
		return "", false
	}
	name, err := strconv.Unquote(value.Value)
	return name, err == nil
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
