// Command generate makes gen/ from proto/: it writes google/api's .proto files where buf finds them, lints ours, and runs
// the plugins. It needs Go and the modules that the go.mod files below tools/ pin, and nothing else.
//
//	go run -C tools ./generate          # write gen/
//	go run -C tools ./generate -check   # fail when gen/ is not what would be written
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
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

// run does what the command line args says. Paths are relative to the working directory.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("generate", flag.ContinueOnError)
	flags.SetOutput(stderr)
	root := flags.String("root", "..", "the root `directory` of the repository")
	check := flags.Bool("check", false, "write nothing to gen/, fail when it is not current")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("generate: unexpected argument %q", flags.Arg(0))
	}
	dist := filepath.Join(*root, "dist")
	if err := writeGoogleAPI(filepath.Join(dist, "googleapis")); err != nil {
		return err
	}
	b := buf{root: *root, stdout: stdout, stderr: stderr}
	if err := b.run(ctx, "lint", "--config", "proto/buf.yaml"); err != nil {
		return err
	}
	generate := []string{"generate", "--config", "proto/buf.yaml", "--template", "proto/buf.gen.yaml"}
	if !*check {
		return b.run(ctx, generate...)
	}
	fresh := filepath.Join(dist, "generated")
	if err := os.RemoveAll(fresh); err != nil {
		return fmt.Errorf("generate: emptying the directory to compare with: %w", err)
	}
	if err := b.run(ctx, append(generate, "--output", "dist/generated")...); err != nil {
		return err
	}
	return compare(filepath.Join(*root, "gen"), filepath.Join(fresh, "gen"))
}

// buf runs the pinned buf in the root of the repository.
type buf struct {
	root           string
	stdout, stderr io.Writer
}

func (b buf) run(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", append([]string{"tool", "-modfile=tools/buf/go.mod", "buf"}, args...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = b.root, b.stdout, b.stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("generate: buf %s: %w", args[0], err)
	}
	return nil
}
