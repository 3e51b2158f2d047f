// Command generate makes a project's gen/ from its proto/: the messages, the gRPC clients and servers, the grpc-gateway
// handlers, and for each directory directly below proto/ that has a file openapi.yaml an OpenAPI document, in versions 2.0
// and 3.1. A Go package in gen/openapi embeds the latter. It needs Go and the modules that the go.mod of the working
// directory pins, and nothing else: no protoc, no buf, no network.
//
//	go run -C tools ./generate          # write gen/
//	go run -C tools ./generate -check   # fail when gen/ is not what would be written
//
// The working directory is a module whose go.mod lists the plugins as tools; -root is the project. A .proto file may import
// its neighbours, google/api, google/rpc, google/type, google/protobuf, buf/validate, the OpenAPI options of grpc-gateway,
// and what is found below the directories that -proto-path names. Imports from those directories are read, not generated.
//
// A file without a go_package option gets the project's module path, gen/ and its own directory, so that nothing has to be
// edited when a project is copied under another name: proto/orders/v1 becomes MODULE/gen/orders/v1, package ordersv1. What
// the OpenAPI 2.0 document of proto/NAME says about the API as a whole is read from proto/NAME/openapi.yaml, in the form that
// grpc-gateway's openapi_configuration has.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run does what the command line args says. Paths are relative to the working directory.
func run(ctx context.Context, args []string, stderr io.Writer) error {
	flags := flag.NewFlagSet("generate", flag.ContinueOnError)
	flags.SetOutput(stderr)
	root := flags.String("root", "..", "the root `directory` of the project, which has go.mod and proto/")
	check := flags.Bool("check", false, "write nothing, fail when gen/ is not current")
	descriptorSet := flags.String("descriptor-set", "", "write a google.protobuf.FileDescriptorSet of proto/ to this `file` instead of gen/")
	var protoPath []string
	flags.Func("proto-path", "a further `directory` to find imports in; may be repeated", func(dir string) error {
		protoPath = append(protoPath, dir)
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("generate: unexpected argument %q: there are only flags, see -help", flags.Arg(0))
	}
	if *descriptorSet != "" {
		return writeDescriptorSet(ctx, *descriptorSet, *root, protoPath)
	}
	fresh, err := generate(ctx, *root, protoPath, stderr)
	if err != nil {
		return err
	}
	gen := filepath.Join(*root, "gen")
	have, err := readTree(gen)
	if err != nil {
		return err
	}
	if *check {
		return compare(gen, have, fresh)
	}
	return write(gen, have, fresh)
}

// writeDescriptorSet writes what compile returns to file, for tools that would rather not look for imports, such as
// buf lint and grpcurl -protoset.
func writeDescriptorSet(ctx context.Context, file, root string, protoPath []string) error {
	all, _, err := compile(ctx, root, protoPath)
	if err != nil {
		return err
	}
	data, err := proto.Marshal(&descriptorpb.FileDescriptorSet{File: all})
	if err != nil {
		return fmt.Errorf("generate: %w", err)
	}
	return os.WriteFile(file, data, 0o644)
}
