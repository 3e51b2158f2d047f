// Command api writes the exported API of this repository's packages to
// docs/api.txt, with one line for each name, field and method:
//
//	go run -C tools ./api
//
// With -check it fails if the file is not current, so that every change of the API
// appears in the diff of a commit.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"go/types"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

const module = "github.com/lambda-grpc/lambda-grpc-gateway/"

func main() {
	root := flag.String("root", "..", "the `directory` of the module")
	check := flag.Bool("check", false, "compare with docs/api.txt")
	flag.Parse()
	if err := run(*root, *check); err != nil {
		fmt.Fprintln(os.Stderr, "api:", err)
		os.Exit(1)
	}
}

func run(root string, check bool) error {
	var now bytes.Buffer
	if err := write(&now, root, "./..."); err != nil {
		return err
	}
	file := filepath.Join(root, "docs", "api.txt")
	if !check {
		return os.WriteFile(file, now.Bytes(), 0o644)
	}
	then, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if bytes.Equal(then, now.Bytes()) {
		return nil
	}
	for _, change := range changes(strings.Split(string(then), "\n"), strings.Split(now.String(), "\n")) {
		fmt.Fprintln(os.Stderr, change)
	}
	return errors.New("the exported API differs from docs/api.txt: if the change is intended, run make api")
}

// changes returns the lines that only then or only now has, with the prefix - or +.
func changes(then, now []string) []string {
	var out []string
	for _, line := range then {
		if !slices.Contains(now, line) {
			out = append(out, "- "+line)
		}
	}
	for _, line := range now {
		if !slices.Contains(then, line) {
			out = append(out, "+ "+line)
		}
	}
	return out
}

// write writes the API of the packages that patterns match in dir. It omits
// programs, internal packages and generated code.
func write(w io.Writer, dir string, patterns ...string) error {
	loaded, err := packages.Load(&packages.Config{Mode: packages.NeedName | packages.NeedTypes, Dir: dir}, patterns...)
	if err != nil {
		return err
	}
	slices.SortFunc(loaded, func(a, b *packages.Package) int { return strings.Compare(a.PkgPath, b.PkgPath) })
	for _, p := range loaded {
		if len(p.Errors) > 0 {
			return p.Errors[0]
		}
		if p.Name == "main" || strings.Contains(p.PkgPath, "/internal/") || strings.HasPrefix(p.PkgPath, module+"gen/") {
			continue
		}
		var lines []string
		for _, name := range p.Types.Scope().Names() {
			if object := p.Types.Scope().Lookup(name); object.Exported() {
				lines = append(lines, describe(object)...)
			}
		}
		if len(lines) == 0 {
			continue
		}
		name := strings.TrimPrefix(p.PkgPath, module)
		for _, line := range lines {
			if _, err := fmt.Fprintf(w, "%s: %s\n", name, line); err != nil {
				return err
			}
		}
	}
	return nil
}

// describe returns a line for the object and one for each exported field and
// method.
func describe(object types.Object) []string {
	qualifier := func(p *types.Package) string {
		if p == object.Pkg() {
			return ""
		}
		return strings.TrimPrefix(p.Path(), module)
	}
	if c, ok := object.(*types.Const); ok {
		return []string{fmt.Sprintf("%s = %s", types.ObjectString(c, qualifier), c.Val().ExactString())}
	}
	named, ok := object.Type().(*types.Named)
	if _, isType := object.(*types.TypeName); !isType || !ok {
		return []string{types.ObjectString(object, qualifier)}
	}
	structure, ok := named.Underlying().(*types.Struct)
	if !ok {
		return append([]string{types.ObjectString(object, qualifier)}, methods(named, qualifier)...)
	}
	lines := []string{fmt.Sprintf("type %s struct", types.TypeString(named, qualifier))}
	for field := range structure.Fields() {
		if field.Exported() {
			lines = append(lines, fmt.Sprintf("field (%s) %s %s", object.Name(), field.Name(), types.TypeString(field.Type(), qualifier)))
		}
	}
	return append(lines, methods(named, qualifier)...)
}

func methods(named *types.Named, qualifier types.Qualifier) []string {
	if types.IsInterface(named) {
		return nil // the line of the interface has them
	}
	var lines []string
	for m := range types.NewMethodSet(types.NewPointer(named)).Methods() {
		if m.Obj().Exported() {
			lines = append(lines, types.SelectionString(m, qualifier))
		}
	}
	return lines
}
