// Command newproject copies template/ of this checkout to a new directory, as a project with its own module path:
//
//	make new-project MODULE=example.com/shop DIR=../shop
//
// The project uses the packages and the Terraform module of this checkout, through replace lines and a relative path. It
// therefore works with unpublished changes. With -released, it uses the published version that the template names, as
// golang.org/x/tools/cmd/gonew does.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

const (
	repository    = "github.com/lambda-grpc/lambda-grpc-gateway"
	templatePath  = repository + "/template"
	terraformPath = repository + "//terraform"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// project describes the new project.
type project struct {
	checkout string // absolute path of this repository
	dir      string // absolute path of the new project
	module   string
	released bool
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("newproject", flag.ContinueOnError)
	flags.SetOutput(stderr)
	root := flags.String("root", "..", "the root `directory` of this repository")
	dir := flags.String("dir", "", "the `directory` to make, which must not exist or be empty; relative to -root")
	path := flags.String("module", "", "the new project's module `path`, such as example.com/shop")
	released := flags.Bool("released", false, "depend on the released version, not on this checkout")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("newproject: unexpected argument %q: want only flags, see -help", flags.Arg(0))
	}
	if *dir == "" || *path == "" {
		return fmt.Errorf("newproject: -module=%q -dir=%q: both are needed, such as -module=example.com/shop -dir=../shop", *path, *dir)
	}
	if err := module.CheckImportPath(*path); err != nil {
		return fmt.Errorf("newproject: -module=%q: want a module path such as example.com/shop: %w", *path, err)
	}
	checkout, err := filepath.Abs(*root)
	if err != nil {
		return fmt.Errorf("newproject: %w", err)
	}
	p := project{checkout: checkout, dir: *dir, module: *path, released: *released}
	if !filepath.IsAbs(p.dir) {
		p.dir = filepath.Join(checkout, p.dir)
	}
	if err := p.copyTemplate(); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"tool", "generate", "-root", "."},
		{"mod", "tidy"},
	} {
		if err := p.goCommand(ctx, stderr, args...); err != nil {
			return err
		}
	}
	fmt.Fprintf(stdout, "%s is module %s. Next: cd %[1]s && make test && make run-lambda\n", p.dir, p.module)
	return nil
}

// copyTemplate writes the template's files under the new module path.
func (p project) copyTemplate() error {
	if entries, err := os.ReadDir(p.dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("newproject: %s is not empty", p.dir)
	}
	template := filepath.Join(p.checkout, "template")
	return filepath.WalkDir(template, func(from string, entry fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("newproject: %w", err)
		}
		name, err := filepath.Rel(template, from)
		if err != nil {
			return fmt.Errorf("newproject: %w", err)
		}
		if entry.IsDir() {
			switch entry.Name() {
			case "dist", ".terraform", "gen": // the descriptors in gen have the module path, so gen is regenerated
				return fs.SkipDir
			}
			return os.MkdirAll(filepath.Join(p.dir, name), 0o755)
		}
		data, err := os.ReadFile(from)
		if err != nil {
			return fmt.Errorf("newproject: %w", err)
		}
		if data, err = p.rewrite(name, data); err != nil {
			return fmt.Errorf("newproject: %s: %w", name, err)
		}
		return os.WriteFile(filepath.Join(p.dir, name), data, 0o644)
	})
}

// rewrite returns the project's version of the template file name, whose content is data.
func (p project) rewrite(name string, data []byte) ([]byte, error) {
	data = bytes.ReplaceAll(data, []byte(templatePath), []byte(p.module))
	if p.released {
		return data, nil
	}
	switch {
	case filepath.Ext(name) == ".mod":
		return p.replaceRequired(name, data)
	case filepath.Ext(name) == ".tf":
		return p.localTerraform(name, data)
	}
	return data, nil
}

// replaceRequired adds a replace line for each module of this repository that a go.mod or tools.mod requires.
func (p project) replaceRequired(name string, data []byte) ([]byte, error) {
	file, err := modfile.Parse(name, data, nil)
	if err != nil {
		return nil, err
	}
	for _, r := range file.Require {
		if below, ok := strings.CutPrefix(r.Mod.Path, repository); ok {
			if err := file.AddReplace(r.Mod.Path, "", filepath.Join(p.checkout, below), ""); err != nil {
				return nil, err
			}
		}
	}
	return file.Format()
}

// localTerraform replaces the released Terraform module with the checkout's, as the relative path that Terraform requires.
func (p project) localTerraform(name string, data []byte) ([]byte, error) {
	relative, err := filepath.Rel(filepath.Join(p.dir, filepath.Dir(name)), filepath.Join(p.checkout, "terraform"))
	if err != nil {
		return nil, err
	}
	var out []string
	for line := range strings.Lines(string(data)) {
		if before, rest, ok := strings.Cut(line, `"`+terraformPath); ok {
			_, after, _ := strings.Cut(rest, `"`)
			line = before + `"` + filepath.ToSlash(relative) + `"` + after
		}
		out = append(out, line)
	}
	return []byte(strings.Join(out, "")), nil
}

// goCommand runs go in the new project with its tools.mod, which also has the plugins of the generator.
func (p project) goCommand(ctx context.Context, stderr io.Writer, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Stderr = p.dir, stderr
	if args[0] == "tool" {
		cmd.Env = append(os.Environ(), "GOFLAGS=-modfile=tools.mod")
	}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("newproject: go %s in %s: %w", strings.Join(args, " "), p.dir, err)
	}
	return nil
}
