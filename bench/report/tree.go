package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A tree is a checkout of the repository.
type tree struct {
	dir    string
	stderr io.Writer
}

// output runs a command at the tree's root and returns what it prints.
func (t tree) output(ctx context.Context, name string, args ...string) (string, error) {
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = t.dir, &out, t.stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w", strings.Join(cmd.Args, " "), err)
	}
	return strings.TrimSpace(out.String()), nil
}

// build compiles the tree's benchmarks.
func (t tree) build(ctx context.Context, binary string) error {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	_, err = t.output(ctx, "go", "test", "-c", "-o", binary, "./bench")
	return err
}

// bench runs compiled benchmarks as `go test` would and writes their output
// to w. Its flags are those of go test, without the dash.
func (t tree) bench(ctx context.Context, binary string, w io.Writer, flags ...string) error {
	args := []string{"-test.run=^$"}
	for _, f := range flags {
		args = append(args, "-test."+f)
	}
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = filepath.Join(t.dir, "bench"), w, t.stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("benchmarks %s: %w", strings.Join(flags, " "), err)
	}
	return nil
}

// writeFile writes a file and the directories above it.
func writeFile(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o644)
}
