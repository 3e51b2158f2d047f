package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

// generate returns the files of root's gen/ by their names relative to it.
func generate(ctx context.Context, root string, protoPath []string, stderr io.Writer) (map[string][]byte, error) {
	all, own, err := compile(ctx, root, protoPath)
	if err != nil {
		return nil, err
	}
	g := generator{ctx: ctx, files: all, out: map[string][]byte{}, stderr: stderr}
	for _, plugin := range []string{"protoc-gen-go", "protoc-gen-go-grpc", "protoc-gen-grpc-gateway"} {
		if err := g.run(plugin, "paths=source_relative", own); err != nil {
			return nil, err
		}
	}
	for _, top := range topDirectories(own) {
		config := filepath.Join(root, "proto", top, "openapi.yaml")
		if !exists(config) {
			continue
		}
		if err := g.openAPI(config, top, below(own, top)); err != nil {
			return nil, err
		}
	}
	return g.out, nil
}

type generator struct {
	ctx    context.Context
	files  []*descriptorpb.FileDescriptorProto
	out    map[string][]byte
	stderr io.Writer
}

// run adds what plugin makes of the named files.
func (g generator) run(plugin, parameter string, names []string) error {
	response, err := g.call(plugin, parameter, names)
	if err != nil {
		return err
	}
	for _, file := range response.GetFile() {
		if g.out[file.GetName()] != nil || file.GetInsertionPoint() != "" {
			return fmt.Errorf("generate: %s changes %s, which another plugin has made", plugin, file.GetName())
		}
		g.out[file.GetName()] = []byte(file.GetContent())
	}
	return nil
}

// call runs a plugin, which speaks the protocol of google/protobuf/compiler/plugin.proto on its standard streams.
func (g generator) call(plugin, parameter string, names []string) (*pluginpb.CodeGeneratorResponse, error) {
	request, err := proto.MarshalOptions{Deterministic: true}.Marshal(&pluginpb.CodeGeneratorRequest{
		FileToGenerate: names,
		Parameter:      proto.String(parameter),
		ProtoFile:      g.files,
	})
	if err != nil {
		return nil, fmt.Errorf("generate: %s: %w", plugin, err)
	}
	output, err := g.tool(bytes.NewReader(request), plugin)
	if err != nil {
		return nil, err
	}
	response := &pluginpb.CodeGeneratorResponse{}
	if err := proto.Unmarshal(output, response); err != nil {
		return nil, fmt.Errorf("generate: the answer of %s: %w", plugin, err)
	}
	if response.GetError() != "" {
		return nil, fmt.Errorf("generate: %s: %s", plugin, response.GetError())
	}
	return response, nil
}

// tool runs a tool of the working directory's go.mod. Of a tool that panics, the error has the reason, without the trace.
func (g generator) tool(stdin io.Reader, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(g.ctx, "go", append([]string{"tool", name}, args...)...)
	var said bytes.Buffer
	cmd.Stdin, cmd.Stderr = stdin, &said
	output, err := cmd.Output()
	if reason, ok := strings.CutPrefix(said.String(), "panic: "); ok && err != nil {
		reason, _, _ = strings.Cut(reason, "\n")
		return nil, fmt.Errorf("generate: go tool %s: %s", name, reason)
	}
	_, _ = said.WriteTo(g.stderr)
	if err != nil {
		return nil, fmt.Errorf("generate: go tool %s: %w", name, err)
	}
	return output, nil
}

// openAPI adds the documents openapi/TOP.swagger.json and openapi/TOP.openapi.json.
func (g generator) openAPI(config, top string, names []string) error {
	parameter := "allow_merge=true,merge_file_name=" + top + ",openapi_configuration=" + filepath.ToSlash(config)
	v2, err := g.call("protoc-gen-openapiv2", parameter, names)
	if err != nil && strings.Contains(err.Error(), "recursive") {
		return fmt.Errorf("%w: a query has a message that contains itself; "+
			"take that in the body, or remove %s to go without an OpenAPI document", err, config)
	}
	if err != nil {
		return err
	}
	for _, file := range v2.GetFile() {
		g.out[path.Join("openapi", file.GetName())] = []byte(file.GetContent())
	}
	v3, err := g.call("protoc-gen-openapiv3", "", names)
	if err != nil || len(v3.GetFile()) == 0 {
		return err
	}
	merged, err := g.mergeOpenAPI(v3.GetFile())
	g.out["openapi/"+top+".openapi.json"] = merged
	return err
}

// mergeOpenAPI makes one document of what protoc-gen-openapiv3 makes of each file.
func (g generator) mergeOpenAPI(files []*pluginpb.CodeGeneratorResponse_File) ([]byte, error) {
	dir, err := os.MkdirTemp("", "openapi-")
	if err != nil {
		return nil, fmt.Errorf("generate: %w", err)
	}
	defer os.RemoveAll(dir)
	paths := make([]string, len(files))
	for i, file := range files {
		paths[i] = filepath.Join(dir, strings.ReplaceAll(file.GetName(), "/", "_"))
		if err := os.WriteFile(paths[i], []byte(file.GetContent()), 0o600); err != nil {
			return nil, fmt.Errorf("generate: %w", err)
		}
	}
	return g.tool(nil, "openapiv3-merge", paths...)
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// topDirectories returns the first elements of names, each once, in order.
func topDirectories(names []string) []string {
	tops := map[string]bool{}
	for _, name := range names {
		if top, _, ok := strings.Cut(name, "/"); ok {
			tops[top] = true
		}
	}
	return slices.Sorted(maps.Keys(tops))
}

func below(names []string, top string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !strings.HasPrefix(name, top+"/") })
}
