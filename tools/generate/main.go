// Command generate writes a project's gen/ from its proto/: messages, gRPC clients and servers, and grpc-gateway handlers.
// For each directory directly below proto/ with a file openapi.yaml, it also writes an OpenAPI document in versions 2.0 and
// 3.1. A Go package in gen/openapi embeds the 3.1 documents. The command needs only Go and the modules that the go.mod of
// the working directory pins: no protoc, no buf and no network.
//
//	go run -C tools ./generate          # write gen/
//	go run -C tools ./generate -check   # fail if gen/ is not current
//
// The working directory is a module whose go.mod lists the plugins as tools; -root is the project. A .proto file may import
// other files of proto/, google/api, google/rpc, google/type, google/protobuf, buf/validate, the OpenAPI options of
// grpc-gateway, and files below the directories of -proto-path. No code is generated for imports from those directories.
//
// A file without a go_package option gets an import path from the project's module path, gen/ and the file's directory:
// proto/orders/v1 becomes MODULE/gen/orders/v1, package ordersv1. A project can therefore be copied under another name
// without edits. The general part of the OpenAPI document of proto/NAME comes from proto/NAME/openapi.yaml, in the format
// of grpc-gateway's openapi_configuration.
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

// run runs the command with the arguments args. Paths are relative to the working directory.
func run(ctx context.Context, args []string, stderr io.Writer) error {
	flags := flag.NewFlagSet("generate", flag.ContinueOnError)
	flags.SetOutput(stderr)
	root := flags.String("root", "..", "the root `directory` of the project, which has go.mod and proto/")
	check := flags.Bool("check", false, "fail if gen/ is not current, and write nothing")
	descriptorSet := flags.String("descriptor-set", "", "write a google.protobuf.FileDescriptorSet of proto/ to this `file` instead of gen/")
	var protoPath []string
	flags.Func("proto-path", "an additional `directory` with imports; may be repeated", func(dir string) error {
		protoPath = append(protoPath, dir)
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("generate: unexpected argument %q: want only flags, see -help", flags.Arg(0))
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

// writeDescriptorSet writes the descriptors to file, for tools that read a descriptor set, such as buf lint and
// grpcurl -protoset.
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
